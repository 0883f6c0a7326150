package dev.gyre.deploy.bench;

import dev.gyre.comms.aeron.RunMediaDriver;
import dev.gyre.comms.aeron.SharedFolder;
import dev.gyre.comms.aeron.UdpPorts;
import dev.gyre.comms.memory.SharedMemory;
import dev.gyre.coordinator.WorkerExit;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.launch.CoreShares;
import dev.gyre.deploy.launch.LocalWorkers;
import dev.gyre.deploy.launch.WorkerCommand;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Measures the collectives between worker processes of this machine.
 *
 * @param transport {@code ipc} or {@code udp}
 * @param sizes bytes, in the order in which they are measured
 * @param bind whether each worker is pinned to its own cores, if there are enough
 */
public record CollectivesBench(
    int workers, String transport, int repeats, List<Long> sizes, boolean bind) {
  public CollectivesBench {
    sizes = List.copyOf(sizes);
  }

  /**
   * Runs all measurements; no process is left running.
   *
   * @param folder gets the workers' logs and the results
   * @throws IOException if a worker fails; names it and its log
   */
  public List<CollectiveResult> run(RunFolder folder) throws IOException, InterruptedException {
    Path parent = SharedMemory.folderOr(folder.path());
    SharedFolder.sweep(parent);
    Path results = folder.path().resolve("results.jsonl");
    List<String> endpoints =
        transport.equals("udp") ? UdpPorts.loopbackEndpoints(workers) : List.of();
    BlockingQueue<WorkerExit> exits = new LinkedBlockingQueue<>();
    try (RunMediaDriver driver =
        RunMediaDriver.launch(parent, folder.name(), workers, !endpoints.isEmpty())) {
      List<String> arguments = new ArrayList<>(List.of(WorkerCommand.RANK));
      arguments.addAll(
          CollectivesRank.arguments(folder.name(), driver.folder(), this, endpoints, results));
      WorkerCommand command =
          WorkerCommand.ofThisJvm(CollectivesRank.class.getName(), arguments)
              .withCores(bind ? CoreShares.ofThisMachine(workers) : CoreShares.NONE);
      try (LocalWorkers _ = LocalWorkers.start(workers, command, folder, exits::add)) {
        for (int left = workers; left > 0; left--) {
          require(exits.take());
        }
      }
    }
    List<CollectiveResult> read = new ArrayList<>();
    for (String line : Files.readAllLines(results)) {
      read.add(SpecJson.read(line, CollectiveResult.class, results.toString()));
    }
    return read;
  }

  private static void require(WorkerExit exit) throws IOException {
    if (exit.exitCode() != 0) {
      throw new IOException(
          "rank %d (pid %d) ended with exit code %d; its log: %s"
              .formatted(exit.rank(), exit.pid(), exit.exitCode(), exit.log()));
    }
  }
}
