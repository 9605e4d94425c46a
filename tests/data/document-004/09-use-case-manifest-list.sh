# Build both platforms
pycontainer build --tag ghcr.io/myorg/myapp:amd64 --platform linux/amd64 --push
pycontainer build --tag ghcr.io/myorg/myapp:arm64 --platform linux/arm64 --push

# Create manifest list (requires docker or crane)
docker manifest create ghcr.io/myorg/myapp:latest \
  ghcr.io/myorg/myapp:amd64 \
  ghcr.io/myorg/myapp:arm64

docker manifest push ghcr.io/myorg/myapp:latest

# Now users can pull ghcr.io/myorg/myapp:latest and get the right arch automatically
