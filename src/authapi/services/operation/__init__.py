"""What an operator needs: start and readiness."""
