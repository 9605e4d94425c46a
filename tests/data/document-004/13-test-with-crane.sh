# Copy to Docker daemon
crane copy dist/image docker-daemon:myapp:arm64

# Inspect the image
crane manifest myapp:arm64 | jq .
