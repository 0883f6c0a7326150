package dev.gyre.trainer.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.worker.Backends;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every golden case on every mesh: every layout computes what one worker computes. */
final class GoldenRunTest {
  private static final List<String> CASES =
      List.of("plain", "packed", "window", "balanced", "wide", "batch");

  /** data-parallel, ring, ulysses. */
  private static final int[][] DEGREES = {
    {1, 1, 1}, {1, 2, 1}, {1, 3, 1}, {1, 1, 2}, {1, 1, 3}, {2, 1, 1}, {1, 2, 2}, {2, 2, 1}
  };

  /** The degrees, each with the expert-parallel degrees 1 to 4 that divide its workers. */
  static List<Mesh> meshes() {
    List<Mesh> meshes = new ArrayList<>();
    for (int[] d : DEGREES) {
      int workers = d[0] * d[1] * d[2];
      for (int x = 1; x <= 4; x++) {
        if (workers % x == 0) {
          meshes.add(new Mesh(d[0], d[1], d[2], x));
        }
      }
    }
    return meshes;
  }

  /** Uses the backend that runs on any machine and is not slow. */
  @ParameterizedTest
  @MethodSource("meshes")
  void f32(Mesh mesh) throws IOException {
    for (String name : CASES) {
      check(name, mesh, "vector", DType.F32);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "packed", "window", "balanced", "wide", "batch"})
  void bf16WithReplayedChoices(String name) throws IOException {
    check(name, new Mesh(1, 1, 1, 1), "scalar", DType.BF16);
    check(name, new Mesh(1, 2, 2, 4), "scalar", DType.BF16);
  }

  static List<Arguments> backends() {
    List<Arguments> list = new ArrayList<>();
    for (BackendProvider provider : Backends.all()) {
      if (provider.probe() instanceof BackendProbe.Available there) {
        there.dtypes().stream().sorted().forEach(t -> list.add(arguments(provider.name(), t)));
      }
    }
    return list;
  }

  /** Every backend that works on this machine, in every dtype it has. */
  @ParameterizedTest
  @MethodSource("backends")
  void backend(String backend, DType dtype) throws IOException {
    for (String name : List.of("packed", "window", "wide", "batch")) {
      GoldenCase golden = GoldenCase.load(folder(name));
      Mesh mesh = name.equals("wide") ? new Mesh(1, 1, 3, 3) : new Mesh(2, 2, 1, 2);
      GoldenReport report = GoldenRun.run(golden, mesh, backend, dtype, GoldenRunTest::network);
      assertTrue(report.passed(), () -> mesh + " " + dtype + "\n" + report.table());
    }
  }

  /** Every attention schedule on rings of two and three, ring × ulysses, and over ipc. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "allgather",
        "balanced",
        "tokenring",
        "auto",
        "full_attention=tokenring,sliding_attention=balanced"
      })
  void schedule(String schedule) throws IOException {
    for (String name : List.of("plain", "packed", "window", "wide")) {
      for (Mesh mesh : List.of(new Mesh(1, 2, 1, 2), new Mesh(1, 3, 1, 1), new Mesh(1, 2, 2, 4))) {
        check(name, mesh, schedule, GoldenRunTest::network);
      }
    }
    check("batch", new Mesh(1, 3, 1, 3), schedule, LocalNetwork.named("ipc", _ -> {}));
  }

  private static void check(String name, Mesh mesh, String schedule, LocalNetwork.Factory networks)
      throws IOException {
    GoldenCase golden = GoldenCase.load(folder(name));
    GoldenReport report =
        GoldenRun.run(golden, mesh, "scalar", DType.F32, networks, ScheduleSpec.parse(schedule));
    assertTrue(report.passed(), () -> schedule + " on " + mesh + "\n" + report.table());
  }

  /** Payload goes by reference (ipc) and in datagrams (udp). */
  @ParameterizedTest
  @ValueSource(strings = {"ipc", "udp"})
  void aeron(String transport) throws IOException {
    List<String> log = Collections.synchronizedList(new ArrayList<>());
    GoldenCase golden = GoldenCase.load(folder("batch"));
    GoldenReport report =
        GoldenRun.run(
            golden,
            new Mesh(1, 2, 2, 4),
            "scalar",
            DType.F32,
            LocalNetwork.named(transport, log::add));
    assertTrue(report.passed(), report::table);
    assertEquals(List.of(), log);
  }

  @Test
  void anUnknownTransportIsRefused() {
    Invalid e = assertThrows(Invalid.class, () -> LocalNetwork.named("tcp", _ -> {}));
    assertTrue(e.getMessage().contains("'tcp' must be loopback, ipc or udp"), e.getMessage());
  }

  /** Experts that take a few rows at a time give the results of all rows at once. */
  @Test
  void manyRoundsOfExperts() throws IOException {
    GoldenCase golden = GoldenCase.load(folder("balanced"));
    Mesh mesh = new Mesh(1, 2, 1, 2);
    GoldenReport report =
        GoldenRun.run(
            golden,
            mesh,
            "scalar",
            DType.F32,
            GoldenRunTest::network,
            ScheduleSpec.all("ring"),
            13);
    assertTrue(report.passed(), report::table);
  }

  @Test
  void aFolderWithoutExpectedValuesIsRefused(@TempDir Path empty) {
    Invalid e = assertThrows(Invalid.class, () -> GoldenCase.load(empty));
    assertTrue(e.getMessage().contains("config.json"), e.getMessage());
  }

  private static void check(String name, Mesh mesh, String backend, DType dtype)
      throws IOException {
    GoldenCase golden = GoldenCase.load(folder(name));
    GoldenReport report = GoldenRun.run(golden, mesh, backend, dtype, GoldenRunTest::network);
    assertTrue(report.passed(), () -> mesh + "\n" + report.table());
    boolean curve = dtype == DType.F32 && List.of("plain", "balanced", "batch").contains(name);
    assertEquals(curve, report.lines().stream().anyMatch(line -> line.group().equals("curve")));
  }

  private static LocalNetwork network(int ranks) {
    return LocalNetwork.loopback(ranks, Options.plain().withNeverBuffer());
  }

  static Path folder(String name) {
    return Path.of(System.getProperty("gyre.golden.dir", "")).resolve(name);
  }
}
