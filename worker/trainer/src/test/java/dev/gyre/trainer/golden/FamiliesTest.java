package dev.gyre.trainer.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.rank.LocalNetwork;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every model family computes what its Hugging Face class computes, on every kind of mesh. */
final class FamiliesTest {
  static List<Path> folders() {
    return FamilyFolders.all();
  }

  static List<Path> foldersWithExperts() throws IOException {
    List<Path> routed = new ArrayList<>();
    for (Path folder : folders()) {
      if (GoldenCase.load(folder).model().experts() > 0) {
        routed.add(folder);
      }
    }
    return routed;
  }

  @ParameterizedTest
  @MethodSource("folders")
  void oneWorker(Path folder) throws IOException {
    check(folder, new Mesh(1, 1, 1, 1), "vector", DType.F32);
  }

  @ParameterizedTest
  @MethodSource("folders")
  void ringOfThree(Path folder) throws IOException {
    check(folder, new Mesh(1, 3, 1, 1), "vector", DType.F32);
  }

  /** Experts, where there are any, lie on two ranks each. */
  @ParameterizedTest
  @MethodSource("folders")
  void ulyssesAndRing(Path folder) throws IOException {
    boolean experts = GoldenCase.load(folder).model().experts() > 0;
    check(folder, new Mesh(1, 2, 2, experts ? 2 : 1), "vector", DType.F32);
  }

  @ParameterizedTest
  @MethodSource("folders")
  void dataParallelAndRingOverUdp(Path folder) throws IOException {
    List<String> log = Collections.synchronizedList(new ArrayList<>());
    GoldenCase golden = GoldenCase.load(folder);
    GoldenReport report =
        GoldenRun.run(
            golden, new Mesh(2, 2, 1, 1), "vector", DType.F32, LocalNetwork.named("udp", log::add));
    assertTrue(report.passed(), report::table);
    assertEquals(List.of(), log);
  }

  @ParameterizedTest
  @MethodSource("foldersWithExperts")
  void bf16WithReplayedChoices(Path folder) throws IOException {
    check(folder, new Mesh(1, 1, 1, 1), "scalar", DType.BF16);
    check(folder, new Mesh(1, 2, 2, 2), "scalar", DType.BF16);
  }

  private static void check(Path folder, Mesh mesh, String backend, DType dtype)
      throws IOException {
    GoldenReport report =
        GoldenRun.run(
            GoldenCase.load(folder),
            mesh,
            backend,
            dtype,
            ranks -> LocalNetwork.loopback(ranks, Options.plain().withNeverBuffer()));
    assertTrue(report.passed(), () -> mesh + " " + dtype + "\n" + report.table());
  }
}
