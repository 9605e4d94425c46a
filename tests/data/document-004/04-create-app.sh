# Create directory
mkdir cross-platform-demo && cd cross-platform-demo

# Create a simple Python app
cat > app.py << 'EOF'
import platform
import sys

def main():
    print(f"Python {sys.version}")
    print(f"Platform: {platform.machine()}")
    print(f"Architecture: {platform.architecture()}")
    print(f"System: {platform.system()}")
    
if __name__ == "__main__":
    main()
EOF

# Create pyproject.toml
cat > pyproject.toml << 'EOF'
[project]
name = "cross-platform-demo"
version = "1.0.0"
requires-python = ">=3.11"

[project.scripts]
demo = "app:main"
EOF
