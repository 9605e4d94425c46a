# Build for ARM64
pycontainer build \
  --tag myapp:graviton \
  --platform linux/arm64 \
  --base-image python:3.11-slim \
  --include-deps \
  --push

# Deploy to AWS Graviton instance (ARM-based)
# Better performance and cost for ARM workloads
