#!/bin/bash
# Build and push images for multiple platforms

REGISTRY="ghcr.io/myorg/myapp"

for PLATFORM in linux/amd64 linux/arm64; do
  ARCH=$(echo $PLATFORM | cut -d/ -f2)
  
  echo "Building for $PLATFORM..."
  pycontainer build \
    --tag ${REGISTRY}:${ARCH} \
    --platform $PLATFORM \
    --base-image python:3.11-slim \
    --include-deps \
    --push
  
  echo "✓ Built and pushed ${REGISTRY}:${ARCH}"
done

echo "✅ Multi-platform build complete!"
