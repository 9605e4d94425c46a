# Build AMD64 image (standard x86_64 servers)
pycontainer build \
  --tag myapp:amd64 \
  --platform linux/amd64 \
  --base-image python:3.11-slim

# Verify the platform
jq '.manifests[0].platform' dist/image/index.json
# Output: {"architecture":"amd64","os":"linux"}
