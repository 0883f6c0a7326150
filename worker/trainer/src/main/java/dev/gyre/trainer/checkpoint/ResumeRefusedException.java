package dev.gyre.trainer.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The resumed run would compute something else than the run that saved. The message lists what
 * differs.
 */
public final class ResumeRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ResumeRefusedException(Path folder, List<ResumeCheck.Difference> differences) {
    super(
        "cannot resume from "
            + folder
            + ": the job has changed (saved -> now):\n"
            + differences.stream().map(d -> "  " + d).collect(Collectors.joining("\n"))
            + "\nSet these back, or start a new run from the weights: gyre checkpoint export, then"
            + " model.from.");
  }
}
