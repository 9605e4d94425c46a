# Build ARM64 image (AWS Graviton, Raspberry Pi, etc.)
pycontainer build \
  --tag myapp:arm64 \
  --platform linux/arm64 \
  --base-image python:3.11-slim

# Verify the platform
jq '.manifests[0].platform' dist/image/index.json
# Output: {"architecture":"arm64","os":"linux"}
