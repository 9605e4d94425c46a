# Uses amd64 from config
pycontainer build --tag myapp:latest --config pycontainer.toml

# Override to arm64
pycontainer build --tag myapp:arm64 --platform linux/arm64 --config pycontainer.toml
