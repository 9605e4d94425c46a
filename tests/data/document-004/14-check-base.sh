docker manifest inspect python:3.11-slim
