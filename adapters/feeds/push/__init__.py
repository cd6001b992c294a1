"""What hubs and people's servers send by themselves: WebSub and Salmon."""
