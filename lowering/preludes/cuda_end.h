}  // namespace mlx::core::cu
