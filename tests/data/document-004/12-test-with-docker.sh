# Build for ARM64
pycontainer build --tag myapp:arm64 --platform linux/arm64

# Load into Docker
docker load -i <(tar -C dist/image -cf - .)

# Try to run (may fail if wrong architecture)
docker run myapp:arm64  # Only works on ARM64 hosts

# Use QEMU for testing on different architecture
docker run --platform linux/arm64 myapp:arm64
