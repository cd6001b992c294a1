"""One to one through the component: chats with Matrix people at addresses of their own, and what each address answers."""
