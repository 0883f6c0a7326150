package dev.gyre.deploy.launch;

import dev.gyre.comms.Progress;
import dev.gyre.comms.control.Hello;
import dev.gyre.comms.control.JoinToken;
import dev.gyre.trainer.control.CheckpointRequest;
import dev.gyre.trainer.control.ControlClient;
import dev.gyre.trainer.worker.ParentPipe;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Main class of the worker processes in these tests: {@code rank what [port]}. */
final class TinyWorker {
  private TinyWorker() {}

  public static void main(String[] args) throws Exception {
    ParentPipe.watch();
    int rank = Integer.parseInt(args[0]);
    switch (args[1]) {
      case "exit" -> {
        System.out.println("out of rank " + rank);
        System.err.print("err of rank " + rank);
        System.exit(40 + rank);
      }
      case "again" -> {
        System.out.println("attempt " + args[2]);
        System.exit(args[2].equals("1") || args[3].equals("always") ? 76 : 41);
      }
      case "wait" -> {
        System.out.println(
            "OMP " + System.getenv("OMP_NUM_THREADS") + " " + System.getenv("OMP_WAIT_POLICY"));
        new CountDownLatch(1).await();
      }
      case "hoard" -> {
        List<byte[]> hoard = new ArrayList<>();
        while (hoard.size() < 1 << 20) {
          hoard.add(new byte[8 << 20]);
        }
      }
      case "train" -> train(rank, Integer.parseInt(args[2]));
      default -> throw new IllegalArgumentException(args[1]);
    }
  }

  /** Joins and waits, without ever finishing, until asked to stop. */
  private static void train(int rank, int port) throws Exception {
    JoinToken token = JoinToken.read(Path.of(System.getenv(JoinToken.FILE_VARIABLE)));
    Hello hello =
        Hello.newBuilder()
            .setRun("tiny")
            .setPid(ProcessHandle.current().pid())
            .setWantedRank(rank)
            .build();
    Progress progress = new Progress();
    try (ControlClient client =
        ControlClient.connect(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
            token,
            hello,
            progress,
            Duration.ofSeconds(20),
            (reason, exitCode) -> {
              System.out.println("ended: " + reason);
              Runtime.getRuntime().halt(exitCode);
            })) {
      client.awaitAssignment();
      progress.step(3);
      client.ready(1, 1);
      client.awaitStart();
      client.note("training");
      while (client.checkpointAsked().equals(CheckpointRequest.NONE)) {
        // A step of this fake trainer is a short pause.
        new CountDownLatch(1).await(20, TimeUnit.MILLISECONDS);
      }
      client.finish(4, client.checkpointAsked().thenStop());
    }
    System.out.println("left in good order");
  }
}
