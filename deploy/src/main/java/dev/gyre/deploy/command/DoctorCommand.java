package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.doctor.BackendChecks;
import dev.gyre.deploy.doctor.Finding;
import dev.gyre.deploy.doctor.Level;
import dev.gyre.deploy.doctor.SystemChecks;
import dev.gyre.deploy.doctor.SystemFacts;
import dev.gyre.deploy.options.DeviceOption;
import dev.gyre.deploy.options.LocalBackend;
import dev.gyre.deploy.options.Version;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.json.SpecJson;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    header = "Check this machine: backends, kernel rates, memory and limits.",
    description = {
      "Shows every backend with its dtypes and kernel rates, the JDK, cores, memory, /dev/shm and"
          + " limits. Each line is ok, could be better or broken, with what to change. Rates come from"
          + " earlier runs; unknown ones are measured, which takes some seconds.",
      "",
      "Exit codes: 0 training can work, 64 needs configuration, 75 temporary, retry."
    })
public final class DoctorCommand implements Callable<ExitCode> {
  @Option(
      names = "--backend",
      paramLabel = "B",
      description =
          "Check only this backend. torch is checked only on request, because it must be downloaded.")
  private @Nullable String backend;

  @Mixin private DeviceOption where = new DeviceOption();

  @Option(names = "--afresh", description = "Forget the measured rates, and measure again.")
  private boolean afresh;

  @Option(names = "--json", description = "Print one JSON object per line.")
  private boolean json;

  @Override
  public ExitCode call() {
    Console console = new Console(System.out, false);
    if (!json) {
      console.line(Version.line());
    }
    List<Finding> findings = new ArrayList<>(SystemChecks.of(SystemFacts.read()));
    findings.forEach(finding -> print(finding, console));
    BackendChecks backends =
        new BackendChecks(RateCache.ofUser(), Version.text(), where.device(), afresh);
    for (Finding finding : backends.of(LocalBackend.providers(backend, where.device()))) {
      print(finding, console);
      findings.add(finding);
    }
    return exit(findings);
  }

  private void print(Finding finding, Console console) {
    if (json) {
      console.line(SpecJson.line(finding));
      return;
    }
    console.line("%-16s %-15s %s".formatted(finding.level(), finding.subject(), finding.value()));
    if (!finding.advice().isEmpty()) {
      console.line(" ".repeat(33) + finding.advice());
    }
  }

  /** A finding that needs configuration takes precedence over a temporary one. */
  static ExitCode exit(List<Finding> findings) {
    List<ExitCode> broken =
        findings.stream().filter(f -> f.level() == Level.BROKEN).map(Finding::exit).toList();
    return broken.contains(ExitCode.BAD_JOB)
        ? ExitCode.BAD_JOB
        : broken.isEmpty() ? ExitCode.DONE : ExitCode.TRY_AGAIN;
  }
}
