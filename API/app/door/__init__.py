"""What a request passes before the application sees it: where it is from, how much it may be."""
