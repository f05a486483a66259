  TILE_NO_CONTRACTION
  const int lane = (int)thread_index_in_simdgroup;
  const int sg = (int)simdgroup_index_in_threadgroup;
  const int n = static_cast<int>(scalars[0]);
  // elementwise.py:12
  const int offsets = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  // elementwise.py:14-16
  {
    #pragma clang loop unroll_count(4)
    for (int r0 = 0; r0 < 8; ++r0) {
      const int i0 = ((lane << 2) + (sg << 7)) + (r0 & 3) + ((r0 >> 2) << 9);
      const int offsets_2 = (offsets + i0);
      const bool inside = (offsets_2 < n);
      const float x = inside ? x_ptr[offsets_2] : 0.0f;
      const float y = inside ? y_ptr[offsets_2] : 0.0f;
      const float add = (x + y);
      if (inside) out_ptr_new[offsets_2] = add;
    }
  }
