package dev.gyre.deploy.command.bench;

import dev.gyre.deploy.console.Units;
import dev.gyre.trainer.calibration.Machine;

/** This machine's processor, for people. */
final class Cpu {
  private Cpu() {}

  /** Its name, with the cores this process may use. */
  static String model() {
    return Machine.processorName()
        + ", "
        + Units.of(Runtime.getRuntime().availableProcessors(), "core");
  }
}
