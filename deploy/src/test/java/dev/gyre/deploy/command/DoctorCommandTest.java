package dev.gyre.deploy.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.doctor.Finding;
import dev.gyre.deploy.doctor.Level;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
  private static List<Finding> findings(ExitCode... exits) {
    return Arrays.stream(exits)
        .map(
            exit ->
                new Finding(
                    exit == ExitCode.DONE ? Level.COULD_BE_BETTER : Level.BROKEN, "", "", "", exit))
        .toList();
  }

  @Test
  void onlyWhatIsBrokenFailsAndWhatMustBeSetUpComesFirst() {
    assertEquals(ExitCode.DONE, DoctorCommand.exit(findings(ExitCode.DONE, ExitCode.DONE)));
    assertEquals(
        ExitCode.TRY_AGAIN, DoctorCommand.exit(findings(ExitCode.DONE, ExitCode.TRY_AGAIN)));
    assertEquals(
        ExitCode.BAD_JOB, DoctorCommand.exit(findings(ExitCode.TRY_AGAIN, ExitCode.BAD_JOB)));
  }
}
