static void program(const float* __restrict x_ptr_0, float* __restrict out_ptr_1, const int n_2, const float p_3, const float scale_4, const int seed_5, const uint3 threadgroup_position_in_grid, const uint3 threadgroups_per_grid) {
  // dropout.py:12, 15
  const int offsets_30 = (int)((uint)(int)threadgroup_position_in_grid.x * (uint)1024);
  const long keep_39 = static_cast<long>(seed_5);
  const long keep_40 = (long)((ulong)keep_39 >> 32L);
  const long keep_41 = (keep_40 & 4294967295L);
  const int keep_42 = static_cast<int>(keep_41);
  const long keep_43 = (keep_39 & 4294967295L);
  const int keep_44 = static_cast<int>(keep_43);
  const int keep_51 = (int)((uint)keep_44 + (uint)-1640531527);
  const int keep_52 = (int)((uint)keep_42 + (uint)-1150833019);
  const int keep_56 = (int)mulhi((uint)-766435501, (uint)keep_44);
  const int keep_62 = (int)((uint)keep_44 * (uint)-766435501);
  const int keep_64 = (int)((uint)keep_44 + (uint)1013904242);
  const int keep_65 = (int)((uint)keep_42 + (uint)1993301258);
  const int keep_76 = (int)((uint)keep_44 + (uint)-626627285);
  const int keep_77 = (int)((uint)keep_42 + (uint)842468239);
  const int keep_88 = (int)((uint)keep_44 + (uint)2027808484);
  const int keep_89 = (int)((uint)keep_42 + (uint)-308364780);
  const int keep_100 = (int)((uint)keep_44 + (uint)387276957);
  const int keep_101 = (int)((uint)keep_42 + (uint)-1459197799);
  const int keep_112 = (int)((uint)keep_44 + (uint)-1253254570);
  const int keep_113 = (int)((uint)keep_42 + (uint)1684936478);
  const int keep_124 = (int)((uint)keep_44 + (uint)1401181199);
  const int keep_125 = (int)((uint)keep_42 + (uint)534103459);
  const int keep_135 = (int)((uint)keep_42 + (uint)-616729560);
  const int keep_141 = (int)((uint)keep_44 + (uint)-1879881855);
  // dropout.py:14-17
  {
    const int offsets_33 = (offsets_30 + 1023);
    const bool inside_35 = (offsets_33 < n_2);
    if (inside_35) {
      {
        TILE_LOOP
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int offsets_33_2 = (offsets_30 + i0);
          const float x_38 = x_ptr_0[offsets_33_2];
          const int keep_50 = (int)((uint)offsets_33_2 * (uint)-766435501);
          const int keep_58 = (keep_56 ^ keep_50);
          const int keep_60 = (keep_58 ^ keep_52);
          const int keep_66 = (int)mulhi((uint)-845247145, (uint)keep_60);
          const int keep_47 = (int)mulhi((uint)-766435501, (uint)offsets_33_2);
          const int keep_49 = (keep_47 ^ keep_42);
          const int keep_61 = (int)((uint)keep_49 * (uint)-845247145);
          const int keep_67 = (keep_66 ^ keep_61);
          const int keep_69 = (keep_67 ^ keep_64);
          const int keep_82 = (int)mulhi((uint)-766435501, (uint)keep_69);
          const int keep_53 = (int)mulhi((uint)-845247145, (uint)keep_49);
          const int keep_55 = (keep_53 ^ keep_51);
          const int keep_75 = (int)((uint)keep_55 * (uint)-766435501);
          const int keep_83 = (keep_82 ^ keep_75);
          const int keep_85 = (keep_83 ^ keep_77);
          const int keep_90 = (int)mulhi((uint)-845247145, (uint)keep_85);
          const int keep_70 = (int)mulhi((uint)-766435501, (uint)keep_55);
          const int keep_71 = (keep_70 ^ keep_62);
          const int keep_73 = (keep_71 ^ keep_65);
          const int keep_86 = (int)((uint)keep_73 * (uint)-845247145);
          const int keep_91 = (keep_90 ^ keep_86);
          const int keep_93 = (keep_91 ^ keep_88);
          const int keep_78 = (int)mulhi((uint)-845247145, (uint)keep_73);
          const int keep_74 = (int)((uint)keep_60 * (uint)-845247145);
          const int keep_79 = (keep_78 ^ keep_74);
          const int keep_81 = (keep_79 ^ keep_76);
          const int keep_94 = (int)mulhi((uint)-766435501, (uint)keep_81);
          const int keep_87 = (int)((uint)keep_69 * (uint)-766435501);
          const int keep_95 = (keep_94 ^ keep_87);
          const int keep_97 = (keep_95 ^ keep_89);
          const int keep_102 = (int)mulhi((uint)-845247145, (uint)keep_97);
          const int keep_98 = (int)((uint)keep_85 * (uint)-845247145);
          const int keep_103 = (keep_102 ^ keep_98);
          const int keep_105 = (keep_103 ^ keep_100);
          const int keep_106 = (int)mulhi((uint)-766435501, (uint)keep_93);
          const int keep_99 = (int)((uint)keep_81 * (uint)-766435501);
          const int keep_107 = (keep_106 ^ keep_99);
          const int keep_109 = (keep_107 ^ keep_101);
          const int keep_110 = (int)((uint)keep_97 * (uint)-845247145);
          const int keep_111 = (int)((uint)keep_93 * (uint)-766435501);
          const int keep_114 = (int)mulhi((uint)-845247145, (uint)keep_109);
          const int keep_115 = (keep_114 ^ keep_110);
          const int keep_117 = (keep_115 ^ keep_112);
          const int keep_118 = (int)mulhi((uint)-766435501, (uint)keep_105);
          const int keep_119 = (keep_118 ^ keep_111);
          const int keep_121 = (keep_119 ^ keep_113);
          const int keep_122 = (int)((uint)keep_109 * (uint)-845247145);
          const int keep_123 = (int)((uint)keep_105 * (uint)-766435501);
          const int keep_126 = (int)mulhi((uint)-845247145, (uint)keep_121);
          const int keep_127 = (keep_126 ^ keep_122);
          const int keep_129 = (keep_127 ^ keep_124);
          const int keep_130 = (int)mulhi((uint)-766435501, (uint)keep_117);
          const int keep_131 = (keep_130 ^ keep_123);
          const int keep_133 = (keep_131 ^ keep_125);
          const int keep_134 = (int)((uint)keep_117 * (uint)-766435501);
          const int keep_136 = (int)mulhi((uint)-766435501, (uint)keep_129);
          const int keep_137 = (keep_136 ^ keep_134);
          const int keep_139 = (keep_137 ^ keep_135);
          const int keep_140 = (int)((uint)keep_133 * (uint)-845247145);
          const int keep_142 = (int)mulhi((uint)-845247145, (uint)keep_139);
          const int keep_143 = (keep_142 ^ keep_140);
          const int keep_145 = (keep_143 ^ keep_141);
          const bool keep_146 = (keep_145 < 0);
          const int keep_147 = (keep_145 ^ -1);
          const int keep_148 = (keep_146 ? keep_147 : keep_145);
          const float keep_149 = static_cast<float>(keep_148);
          const float keep_150 = (keep_149 * 4.6566126e-10f);
          const bool keep_152 = (keep_150 > p_3);
          const float y_154 = (x_38 * scale_4);
          const float y_155 = (keep_152 ? y_154 : 0.0f);
          out_ptr_1[offsets_33_2] = y_155;
        }
      }
    }
    else {
      {
        TILE_MASKED
        for (int r0 = 0; r0 < 1024; ++r0) {
          const int i0 = r0;
          const int offsets_33_3 = (offsets_30 + i0);
          const bool inside_35_2 = (offsets_33_3 < n_2);
          const float x_38_2 = inside_35_2 ? x_ptr_0[offsets_33_3] : 0.0f;
          const int keep_50_2 = (int)((uint)offsets_33_3 * (uint)-766435501);
          const int keep_58_2 = (keep_56 ^ keep_50_2);
          const int keep_60_2 = (keep_58_2 ^ keep_52);
          const int keep_66_2 = (int)mulhi((uint)-845247145, (uint)keep_60_2);
          const int keep_47_2 = (int)mulhi((uint)-766435501, (uint)offsets_33_3);
          const int keep_49_2 = (keep_47_2 ^ keep_42);
          const int keep_61_2 = (int)((uint)keep_49_2 * (uint)-845247145);
          const int keep_67_2 = (keep_66_2 ^ keep_61_2);
          const int keep_69_2 = (keep_67_2 ^ keep_64);
          const int keep_82_2 = (int)mulhi((uint)-766435501, (uint)keep_69_2);
          const int keep_53_2 = (int)mulhi((uint)-845247145, (uint)keep_49_2);
          const int keep_55_2 = (keep_53_2 ^ keep_51);
          const int keep_75_2 = (int)((uint)keep_55_2 * (uint)-766435501);
          const int keep_83_2 = (keep_82_2 ^ keep_75_2);
          const int keep_85_2 = (keep_83_2 ^ keep_77);
          const int keep_90_2 = (int)mulhi((uint)-845247145, (uint)keep_85_2);
          const int keep_70_2 = (int)mulhi((uint)-766435501, (uint)keep_55_2);
          const int keep_71_2 = (keep_70_2 ^ keep_62);
          const int keep_73_2 = (keep_71_2 ^ keep_65);
          const int keep_86_2 = (int)((uint)keep_73_2 * (uint)-845247145);
          const int keep_91_2 = (keep_90_2 ^ keep_86_2);
          const int keep_93_2 = (keep_91_2 ^ keep_88);
          const int keep_78_2 = (int)mulhi((uint)-845247145, (uint)keep_73_2);
          const int keep_74_2 = (int)((uint)keep_60_2 * (uint)-845247145);
          const int keep_79_2 = (keep_78_2 ^ keep_74_2);
          const int keep_81_2 = (keep_79_2 ^ keep_76);
          const int keep_94_2 = (int)mulhi((uint)-766435501, (uint)keep_81_2);
          const int keep_87_2 = (int)((uint)keep_69_2 * (uint)-766435501);
          const int keep_95_2 = (keep_94_2 ^ keep_87_2);
          const int keep_97_2 = (keep_95_2 ^ keep_89);
          const int keep_102_2 = (int)mulhi((uint)-845247145, (uint)keep_97_2);
          const int keep_98_2 = (int)((uint)keep_85_2 * (uint)-845247145);
          const int keep_103_2 = (keep_102_2 ^ keep_98_2);
          const int keep_105_2 = (keep_103_2 ^ keep_100);
          const int keep_106_2 = (int)mulhi((uint)-766435501, (uint)keep_93_2);
          const int keep_99_2 = (int)((uint)keep_81_2 * (uint)-766435501);
          const int keep_107_2 = (keep_106_2 ^ keep_99_2);
          const int keep_109_2 = (keep_107_2 ^ keep_101);
          const int keep_110_2 = (int)((uint)keep_97_2 * (uint)-845247145);
          const int keep_111_2 = (int)((uint)keep_93_2 * (uint)-766435501);
          const int keep_114_2 = (int)mulhi((uint)-845247145, (uint)keep_109_2);
          const int keep_115_2 = (keep_114_2 ^ keep_110_2);
          const int keep_117_2 = (keep_115_2 ^ keep_112);
          const int keep_118_2 = (int)mulhi((uint)-766435501, (uint)keep_105_2);
          const int keep_119_2 = (keep_118_2 ^ keep_111_2);
          const int keep_121_2 = (keep_119_2 ^ keep_113);
          const int keep_122_2 = (int)((uint)keep_109_2 * (uint)-845247145);
          const int keep_123_2 = (int)((uint)keep_105_2 * (uint)-766435501);
          const int keep_126_2 = (int)mulhi((uint)-845247145, (uint)keep_121_2);
          const int keep_127_2 = (keep_126_2 ^ keep_122_2);
          const int keep_129_2 = (keep_127_2 ^ keep_124);
          const int keep_130_2 = (int)mulhi((uint)-766435501, (uint)keep_117_2);
          const int keep_131_2 = (keep_130_2 ^ keep_123_2);
          const int keep_133_2 = (keep_131_2 ^ keep_125);
          const int keep_134_2 = (int)((uint)keep_117_2 * (uint)-766435501);
          const int keep_136_2 = (int)mulhi((uint)-766435501, (uint)keep_129_2);
          const int keep_137_2 = (keep_136_2 ^ keep_134_2);
          const int keep_139_2 = (keep_137_2 ^ keep_135);
          const int keep_140_2 = (int)((uint)keep_133_2 * (uint)-845247145);
          const int keep_142_2 = (int)mulhi((uint)-845247145, (uint)keep_139_2);
          const int keep_143_2 = (keep_142_2 ^ keep_140_2);
          const int keep_145_2 = (keep_143_2 ^ keep_141);
          const bool keep_146_2 = (keep_145_2 < 0);
          const int keep_147_2 = (keep_145_2 ^ -1);
          const int keep_148_2 = (keep_146_2 ? keep_147_2 : keep_145_2);
          const float keep_149_2 = static_cast<float>(keep_148_2);
          const float keep_150_2 = (keep_149_2 * 4.6566126e-10f);
          const bool keep_152_2 = (keep_150_2 > p_3);
          const float y_154_2 = (x_38_2 * scale_4);
          const float y_155_2 = (keep_152_2 ? y_154_2 : 0.0f);
          if (inside_35_2) out_ptr_1[offsets_33_3] = y_155_2;
        }
      }
    }
  }
}

extern "C" int triton_kernel(void* const* buffers, const void* scalars,
                             const int64_t* grid, int64_t begin, int64_t end) {
  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};
  for (int64_t p = begin; p < end; ++p) {
    const uint3 at = {(uint)(p % grid[0]), (uint)(p / grid[0] % grid[1]),
                      (uint)(p / (grid[0] * grid[1]))};
    program((float*)buffers[0], (float*)buffers[1], *(const int*)((const char*)scalars + 0), *(const float*)((const char*)scalars + 8), *(const float*)((const char*)scalars + 16), *(const int*)((const char*)scalars + 24), at, count);
  }
  return 0;
}
