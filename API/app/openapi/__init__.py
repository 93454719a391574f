"""What the API is, as OpenAPI 3.1: made from the declarations and types that it is made of."""
