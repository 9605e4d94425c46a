# ✅ Correct
--platform linux/amd64

# ❌ Wrong
--platform amd64
--platform linux-amd64
