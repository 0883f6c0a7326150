package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore.Verified;
import dev.gyre.trainer.files.StorageException;
import dev.gyre.trainer.files.WriteProgress;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointStoreTest {
  @TempDir Path folder;
  private CheckpointFixture fixture;

  @BeforeEach
  void open() {
    fixture = new CheckpointFixture(folder.resolve("checkpoints"));
  }

  private List<String> names() throws IOException {
    try (var files = Files.list(fixture.checkpoints())) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void commitGivesTheFinalNameAndNothingElseStays() throws IOException {
    Path step = fixture.save(10, 3);
    assertEquals(fixture.checkpoints().resolve("step-10"), step);
    assertEquals(List.of("step-10"), names());
    Manifest manifest = CheckpointStore.verify(step);
    assertEquals(CheckpointFixture.manifest(10).withFiles(manifest.files()), manifest);
    assertEquals(3, manifest.files().size());
    assertEquals(40, manifest.dataCursor());
  }

  @Test
  void theNewestAreKeptAndTheOneResumed() throws IOException {
    CheckpointStore first = fixture.store(2);
    for (long step : new long[] {5, 10, 100, 20}) {
      fixture.save(first, step, 1);
    }
    assertEquals(List.of("step-100", "step-20"), names());
    Path resumed = fixture.checkpoints().resolve("step-20");
    CheckpointStore second = new CheckpointStore(fixture.checkpoints(), 1, resumed, _ -> {});
    fixture.save(second, 120, 1);
    fixture.save(second, 130, 1);
    assertEquals(List.of("step-130", "step-20"), names());
    assertEquals(List.of(20L, 130L), second.list().stream().map(c -> c.step()).toList());
  }

  /** A resume fell back to step 10 because step 20 is damaged; the store keeps one checkpoint. */
  @Test
  void whatWasJustCommittedStaysThoughLaterOnesLieThere() throws IOException {
    Path resumed = fixture.save(10, 1);
    damage(fixture.save(20, 1));
    List<String> notes = new ArrayList<>();
    CheckpointStore store = new CheckpointStore(fixture.checkpoints(), 1, resumed, notes::add);
    Path saved = fixture.save(store, 15, 1);
    assertEquals(List.of("abandoned-step-20", "step-10", "step-15"), names());
    assertEquals(saved, store.newestVerified(_ -> {}).orElseThrow().folder());
    assertEquals(1, notes.size());
    assertTrue(notes.getFirst().contains("step-20 is not of this branch"), notes.getFirst());
    // Once this branch reaches step 20, the abandoned branch is removed.
    fixture.save(store, 20, 1);
    assertEquals(List.of("step-10", "step-20"), names());
  }

  /** Otherwise the next resume would take one of them for the newest checkpoint. */
  @Test
  void intactStepsOfAnAbandonedBranchAreSetApartToo() throws IOException {
    Path resumed = fixture.save(10, 1);
    fixture.save(12, 1);
    fixture.save(20, 1);
    Files.createDirectories(fixture.checkpoints().resolve("abandoned-step-20"));
    CheckpointStore store = new CheckpointStore(fixture.checkpoints(), 9, resumed, _ -> {});
    fixture.save(store, 15, 1);
    assertEquals(
        List.of("abandoned-step-20", "abandoned-step-20-2", "step-10", "step-15"), names());
    assertEquals(15, store.newestVerified(_ -> {}).orElseThrow().step());
  }

  @Test
  void aDamagedOneDoesNotTakeThePlaceOfAnIntactOne() throws IOException {
    fixture.save(5, 1);
    damage(fixture.save(8, 1));
    Path resumed = fixture.save(10, 1);
    CheckpointStore store = new CheckpointStore(fixture.checkpoints(), 3, resumed, _ -> {});
    fixture.save(store, 12, 1);
    assertEquals(List.of("step-10", "step-12", "step-5"), names());
    fixture.save(store, 14, 1);
    assertEquals(List.of("step-10", "step-12", "step-14"), names());
  }

  @Test
  void anOlderStepThatWasJustCommittedStays() throws IOException {
    CheckpointStore store = fixture.store(1);
    fixture.save(store, 100, 1);
    fixture.save(store, 20, 1);
    assertEquals(List.of("step-100", "step-20"), names());
  }

  @Test
  void whatCannotBeReadIsSkippedAndSaid() throws IOException {
    fixture.save(10, 1);
    Path unread = fixture.save(20, 1);
    makeUnreadable(unread);
    List<String> notes = new ArrayList<>();
    CheckpointStore store = CheckpointStore.in(fixture.checkpoints());
    assertEquals(10, store.newestVerified(notes::add).orElseThrow().step());
    assertEquals(1, notes.size());
    assertTrue(
        notes.getFirst().startsWith("checkpoint " + unread + " is skipped, it cannot be read: "),
        notes.getFirst());
  }

  /** A checkpoint that cannot be read is not known to be damaged. */
  @Test
  void withoutAnIntactOneAFailureOfStorageIsNoDamage() throws IOException {
    CheckpointStore store = CheckpointStore.in(fixture.checkpoints());
    damage(fixture.save(10, 1));
    assertTrue(store.newestVerified(_ -> {}).isEmpty());
    makeUnreadable(fixture.save(5, 1));
    IOException e = assertThrows(IOException.class, () -> store.newestVerified(_ -> {}));
    assertFalse(e instanceof CheckpointException, e.toString());
    Path none = fixture.checkpoints().resolve("step-77");
    assertThrows(NoSuchFileException.class, () -> CheckpointStore.verify(none));
  }

  /** Reading a folder as a file fails for every user, even for root. */
  private static void makeUnreadable(Path step) throws IOException {
    Files.delete(step.resolve(Manifest.FILE));
    Files.createDirectory(step.resolve(Manifest.FILE));
  }

  private static void damage(Path step) throws IOException {
    Path file = step.resolve("rank-00000.safetensors");
    flip(file, Files.size(file) - 1);
  }

  @Test
  void aFolderOfAnotherStepIsNotTakenForThis() throws IOException {
    fixture.save(5, 1);
    Path renamed = fixture.checkpoints().resolve("step-30");
    Files.move(fixture.save(10, 1), renamed);
    assertDamaged(renamed, "step-30 holds step 10 by its manifest; rename the folder");
    assertEquals(
        5, CheckpointStore.in(fixture.checkpoints()).newestVerified(_ -> {}).orElseThrow().step());
    Path best = fixture.checkpoints().resolveSibling("best");
    Files.move(renamed, best);
    assertEquals(10, CheckpointStore.verify(best).step(), "a name without a step");
  }

  @Test
  void sameStepIsReplacedAndFilesOfMoreRanksGo() throws IOException {
    fixture.save(10, 4);
    fixture.write(10, 3); // an attempt that was never committed
    Path step = fixture.save(10, 2);
    assertEquals(2, CheckpointStore.verify(step).files().size());
    try (var files = Files.list(step)) {
      assertEquals(3, files.count());
    }
    assertEquals(List.of("step-10"), names());
  }

  /** The writer reports progress up to the end, also while the file is read for its checksum. */
  @Test
  void aWriteTellsHowFarItHasCome() throws IOException {
    List<String> told = new ArrayList<>();
    Path temporary = CheckpointStore.temporary(fixture.checkpoints(), 10);
    List<OwnedSlice> slices = CheckpointFixture.slices(1, 0);
    ShardWriter.write(temporary, 0, slices, (done, total) -> told.add(done + " " + total));
    long bytes = slices.stream().mapToLong(slice -> 3 * slice.box().elements() * Float.BYTES).sum();
    assertTrue(told.size() >= 3 * slices.size(), told.toString());
    assertEquals(bytes + " " + bytes, told.getLast());
    assertEquals(told.stream().distinct().count(), told.indexOf(told.getLast()) + 1);
  }

  /** There is a file where the folder should be. */
  @Test
  void aShardThatCannotBeWrittenIsNamed() throws IOException {
    Path temporary = CheckpointStore.temporary(fixture.checkpoints(), 10);
    Files.createDirectories(fixture.checkpoints());
    Files.writeString(temporary, "x");
    StorageException failed =
        assertThrows(
            StorageException.class,
            () ->
                ShardWriter.write(
                    temporary, 0, CheckpointFixture.slices(1, 0), WriteProgress.NONE));
    assertTrue(failed.getMessage().contains(temporary.toString()), failed.getMessage());
  }

  /** A manifest from before skipped steps were counted can be read, and its checksum is valid. */
  @Test
  void manifestsWithoutSkippedStepsReadAsBefore() throws IOException {
    Manifest none = CheckpointFixture.manifest(10);
    assertFalse(none.toJson().contains("skipped"));
    assertEquals(none, Manifest.parse(none.toJson(), "none"));
    Manifest some = CheckpointFixture.manifest(10, 3);
    assertEquals(3, Manifest.parse(some.toJson(), "some").skipped());
    assertThrows(
        CheckpointException.class,
        () -> Manifest.parse(some.toJson().replace("\"skipped\" : 3", "\"skipped\" : 4"), "x"));
  }

  @Test
  void whatAKilledRunLeftIsRecovered() throws IOException {
    Path step = fixture.save(10, 1);
    fixture.write(20, 2);
    Files.move(step, fixture.checkpoints().resolve(".replaced-step-10"));
    CheckpointStore reader = CheckpointStore.in(fixture.checkpoints());
    Verified found = reader.newestVerified(_ -> {}).orElseThrow();
    assertEquals(10, found.step(), "readers find it as it is");
    assertEquals(".replaced-step-10", found.folder().getFileName().toString());
    reader.recover();
    assertEquals(List.of("step-10"), names());
    assertEquals(step, reader.newestVerified(_ -> {}).orElseThrow().folder());
    CheckpointStore.verify(step);
    CheckpointStore.in(folder.resolve("none")).recover();
  }

  @Test
  void aFileOtherThanReportedIsNotCommitted() throws IOException {
    fixture.save(10, 1);
    List<FileEntry> files = fixture.write(20, 2);
    Path file = CheckpointStore.temporary(fixture.checkpoints(), 20).resolve(files.get(1).name());
    flip(file, Files.size(file) - 1);
    CheckpointException e =
        assertThrows(
            CheckpointException.class,
            () -> fixture.store(1).commit(CheckpointFixture.manifest(20).withFiles(files)));
    assertTrue(e.getMessage().contains("rank-00001.safetensors is damaged"), e.getMessage());
    assertEquals(
        10, fixture.store(1).newestVerified(line -> {}).orElseThrow().step(), "the old one stays");
  }

  @Test
  void newestVerifiedPassesOverDamagedOnesAndSaysSo() throws IOException {
    fixture.save(10, 2);
    Path damaged = fixture.save(20, 2).resolve("rank-00000.safetensors");
    Files.write(damaged, Arrays.copyOf(Files.readAllBytes(damaged), 100));
    Files.delete(fixture.save(30, 2).resolve(Manifest.FILE));
    Files.createDirectories(fixture.checkpoints().resolve("step-x"));
    List<String> notes = new ArrayList<>();
    CheckpointStore.Verified found = fixture.store(9).newestVerified(notes::add).orElseThrow();
    assertEquals(10, found.step());
    assertEquals(10, found.manifest().step());
    assertEquals(2, notes.size());
    assertTrue(notes.get(0).contains("step-30") && notes.get(0).contains("missing"), notes.get(0));
    assertTrue(
        notes.get(1).contains("step-20") && notes.get(1).contains("100 bytes"), notes.get(1));
  }

  @Test
  void everyDamageIsNamed() throws IOException {
    Path step = fixture.save(10, 2);
    Path weights = step.resolve("rank-00001.safetensors");
    byte[] good = Files.readAllBytes(weights);
    // A flipped bit in the header length, the header or the data.
    for (long at : new long[] {0, 20, good.length / 2, good.length - 1}) {
      flip(weights, at);
      assertDamaged(step, "rank-00001.safetensors is damaged");
      Files.write(weights, good);
    }
    Files.write(weights, Arrays.copyOf(good, good.length - 5));
    assertDamaged(step, "rank-00001.safetensors has");
    Files.delete(weights);
    assertDamaged(step, "rank-00001.safetensors is missing");
    CheckpointException e =
        assertThrows(CheckpointException.class, () -> CheckpointReader.open(step));
    assertTrue(e.getMessage().contains("rank-00001.safetensors is missing"), e.getMessage());
    Files.write(weights, good);
    CheckpointStore.verify(step);
  }

  @Test
  void aDamagedManifestIsNamed() throws IOException {
    Path step = fixture.save(10, 1);
    Path file = step.resolve(Manifest.FILE);
    String good = Files.readString(file);
    Files.writeString(file, good.replace("\"step\" : 10", "\"step\" : 11"));
    assertDamaged(step, "manifest.json is damaged");
    Files.writeString(file, good.substring(0, good.length() / 2));
    assertDamaged(step, "manifest.json cannot be read");
    String newer = good.replace("\"format\" : 2", "\"format\" : 99");
    Files.writeString(file, newer.replace("\"seed\"", "\"what it was not before\""));
    UnknownFormatException e =
        assertThrows(UnknownFormatException.class, () -> CheckpointStore.verify(step));
    assertTrue(e.getMessage().contains("manifest.json has format 99"), e.getMessage());
    Files.writeString(file, good.replace("\"seed\"", "\"sead\""));
    assertDamaged(step, "manifest.json is damaged");
    Files.write(file, new byte[] {(byte) 0xFF, 1, 2});
    assertDamaged(step, "manifest.json is damaged");
    Files.delete(file);
    assertDamaged(step, "manifest.json is missing");
  }

  private static void assertDamaged(Path step, String part) {
    CheckpointException e =
        assertThrows(CheckpointException.class, () -> CheckpointStore.verify(step));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void tensorsMustBeCoveredOnceInOneShape() throws IOException {
    List<OwnedSlice> whole = CheckpointFixture.slices(1, 0);
    TensorSpec first = whole.getFirst().spec();
    String name = first.name();
    assertRefused(whole.subList(1, whole.size()), List.of(), "has no weight of " + name);
    List<OwnedSlice> rest = whole.subList(1, whole.size());
    List<OwnedSlice> head = CheckpointFixture.run(first, 0, 50);
    List<OwnedSlice> tail = CheckpointFixture.run(first, 60, first.elements() - 60);
    assertRefused(
        plus(rest, head), tail, "elements [6:7, 2:8] of " + name + " (weight) are missing");
    List<OwnedSlice> overlap = CheckpointFixture.run(first, 40, first.elements() - 40);
    assertRefused(
        plus(rest, head),
        overlap,
        "elements [5:6, 0:8] of "
            + name
            + " (weight) are stored twice: in [0:6, 0:8] of rank-00000.safetensors and in"
            + " [5:16, 0:8] of rank-00001.safetensors");
    assertRefused(plus(rest, head), List.of(), "elements [6:7, 2:8] of " + name);
    TensorSpec other =
        new TensorSpec(
            name,
            new long[] {8, 16},
            first.precision(),
            first.layer(),
            first.expert(),
            first.weightDecay(),
            first.initialiser());
    List<OwnedSlice> turned = CheckpointFixture.run(other, 50, first.elements() - 50);
    assertRefused(plus(rest, head), turned, "[8, 16], another file as [16, 8]");
    assertRefused(
        plus(rest, CheckpointFixture.run(other, 0, other.elements())),
        List.of(),
        "[8, 16], the model needs " + name + "[16, 8]");
  }

  private static List<OwnedSlice> plus(List<OwnedSlice> slices, List<OwnedSlice> more) {
    List<OwnedSlice> all = new ArrayList<>(slices);
    all.addAll(more);
    return all;
  }

  private void assertRefused(List<OwnedSlice> zero, List<OwnedSlice> one, String part)
      throws IOException {
    Path temporary = CheckpointStore.temporary(fixture.checkpoints(), 7);
    List<FileEntry> files =
        List.of(
            ShardWriter.write(temporary, 0, zero, WriteProgress.NONE),
            ShardWriter.write(temporary, 1, one, WriteProgress.NONE));
    CheckpointException e =
        assertThrows(
            CheckpointException.class,
            () -> fixture.store(1).commit(CheckpointFixture.manifest(7).withFiles(files)));
    assertTrue(e.getMessage().contains(part), e.getMessage());
    assertFalse(Files.exists(fixture.checkpoints().resolve("step-7")));
  }

  @Test
  void aManifestCannotNameFilesElsewhere() {
    assertThrows(IllegalArgumentException.class, () -> new FileEntry("../x", 1, ""));
    assertEquals("rank-00012.safetensors", ShardWriter.fileName(12));
  }

  private static void flip(Path file, long at) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[Math.toIntExact(at)] ^= 16;
    Files.write(file, bytes);
  }
}
