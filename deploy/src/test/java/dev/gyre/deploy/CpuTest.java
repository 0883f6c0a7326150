package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class CpuTest {
  @Test
  void theNameLinuxGives() {
    String info = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\nmodel name\t: Other\n";
    assertEquals("Some CPU @ 2.0GHz", Cpu.named(info, "aarch64"));
    assertEquals("aarch64", Cpu.named("processor\t: 0\nFeatures\t: fp\n", "aarch64"));
    assertTrue(Cpu.model().endsWith(Runtime.getRuntime().availableProcessors() + " cores"));
  }
}
