# On your ARM Mac
pycontainer build \
  --tag ghcr.io/myorg/myapp:latest \
  --platform linux/amd64 \
  --base-image python:3.11-slim \
  --include-deps \
  --push

# Deploy to standard AMD64 server
# The image will run correctly on x86_64 hosts
