package dev.gyre.deploy.command.bench;

import dev.gyre.deploy.console.Units;
import dev.gyre.trainer.calibration.Machine;

/** Description of this machine's processor. */
final class Cpu {
  private Cpu() {}

  /** The processor's name, with the number of cores that this process may use. */
  static String model() {
    return Machine.processorName()
        + ", "
        + Units.of(Runtime.getRuntime().availableProcessors(), "core");
  }
}
