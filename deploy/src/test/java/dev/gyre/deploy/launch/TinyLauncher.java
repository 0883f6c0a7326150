package dev.gyre.deploy.launch;

import dev.gyre.comms.control.JoinToken;
import dev.gyre.coordinator.Coordinator;
import dev.gyre.coordinator.Outcome;
import dev.gyre.coordinator.PlanMaker;
import dev.gyre.coordinator.PlannedTimes;
import dev.gyre.coordinator.RunListener;
import dev.gyre.coordinator.RunSetup;
import dev.gyre.deploy.files.RunFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A process that hosts a coordinator and two workers, and prints their PIDs: {@code folder}. */
final class TinyLauncher {
  static final PlannedTimes TIMES =
      new PlannedTimes(Duration.ZERO, Duration.ZERO, Duration.ofMinutes(5), Duration.ofMinutes(5));

  private TinyLauncher() {}

  public static void main(String[] args) throws Exception {
    RunFolder folder = RunFolder.create(Path.of(args[0]), "tiny");
    RunListener listener =
        new RunListener() {
          @Override
          public void note(int rank, String text) {
            System.out.println(text);
          }
        };
    JoinToken token = JoinToken.random();
    Path tokenFile = folder.path().resolve("token");
    token.write(tokenFile);
    RunSetup setup = RunSetup.local("tiny", 2, "{}", folder.path(), token);
    try (Coordinator coordinator =
            Coordinator.open(setup, _ -> new PlanMaker.Planned("{}", TIMES), _ -> "", listener);
        LocalWorkers workers =
            LocalWorkers.start(
                2,
                command(coordinator.address().getPort(), tokenFile),
                folder,
                coordinator::workerExited)) {
      workers.pids().forEach(pid -> System.out.println("pid " + pid));
      Outcome outcome = coordinator.await();
      System.out.println(outcome.message());
    }
  }

  static WorkerCommand command(int port, Path tokenFile) {
    return WorkerCommand.ofThisJvm(
            TinyWorker.class.getName(), List.of("{rank}", "train", Integer.toString(port)))
        .withTokenFile(tokenFile);
  }
}
