# Build for AMD64
pycontainer build \
  --tag cross-platform-demo:amd64 \
  --platform linux/amd64 \
  --verbose

# Build for ARM64
pycontainer build \
  --tag cross-platform-demo:arm64 \
  --platform linux/arm64 \
  --verbose

# Inspect the differences
echo "=== AMD64 Config ==="
MANIFEST_AMD64=$(jq -r '.manifests[0].digest' dist/image/index.json | cut -d: -f2)
CONFIG_AMD64=$(jq -r '.config.digest' dist/image/blobs/sha256/$MANIFEST_AMD64 | cut -d: -f2)
jq '{arch: .architecture, os: .os}' dist/image/blobs/sha256/$CONFIG_AMD64

# (Rebuild for arm64 to inspect)
pycontainer build --tag cross-platform-demo:arm64 --platform linux/arm64
echo "=== ARM64 Config ==="
MANIFEST_ARM64=$(jq -r '.manifests[0].digest' dist/image/index.json | cut -d: -f2)
CONFIG_ARM64=$(jq -r '.config.digest' dist/image/blobs/sha256/$MANIFEST_ARM64 | cut -d: -f2)
jq '{arch: .architecture, os: .os}' dist/image/blobs/sha256/$CONFIG_ARM64
