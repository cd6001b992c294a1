"""Floor 4: what whoever runs the bridge needs: logs, metrics, health, the control socket, the doctor."""
