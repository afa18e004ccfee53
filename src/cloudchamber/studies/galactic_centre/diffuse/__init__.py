"""Random diffuse emission of the inner Galaxy in gamma rays, as the physics of gas, cosmic rays and starlight gives it."""
