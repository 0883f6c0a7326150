package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.api.Test;

final class MachineTest {
  @Test
  void theProcessorsNameIsTheOneLinuxGives() {
    String info = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\nmodel name\t: Other\n";
    assertEquals("Some CPU @ 2.0GHz", Machine.named(info, "aarch64"));
    assertEquals("aarch64", Machine.named("processor\t: 0\nFeatures\t: fp\n", "aarch64"));
    assertFalse(Machine.processorName().isBlank());
  }

  @Test
  void anInterpreterIsAnotherMachine() {
    assertEquals(Runtime.version().toString(), Machine.jdk("mixed mode, sharing"));
    assertEquals(Runtime.version() + " interpreted mode", Machine.jdk("interpreted mode"));
  }
}
