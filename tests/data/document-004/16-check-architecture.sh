docker inspect myapp:latest | jq '.[0].Architecture'
uname -m  # Check host architecture
