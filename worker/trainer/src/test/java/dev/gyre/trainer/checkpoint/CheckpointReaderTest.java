package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BFloat16;
import dev.gyre.kernels.DType;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointReaderTest {
  @TempDir Path folder;
  private CheckpointFixture fixture;

  @BeforeEach
  void open() {
    fixture = new CheckpointFixture(folder.resolve("checkpoints"));
  }

  @Test
  void anyMeshReadsWhatAnyOtherWrote() throws IOException {
    for (int writers : new int[] {1, 2, 3, 200}) {
      Path step = fixture.save(writers, writers);
      try (CheckpointReader reader = CheckpointReader.open(step)) {
        assertEquals(writers, reader.manifest().step());
        for (int readers : new int[] {1, 2, 5}) {
          for (int rank = 0; rank < readers; rank++) {
            List<OwnedSlice> slices = CheckpointFixture.slices(readers, rank);
            for (OwnedSlice slice : slices) {
              for (StateKind kind : StateKind.values()) {
                kind.of(slice).fill((byte) 0x7F);
              }
            }
            reader.load(slices);
            slices.forEach(CheckpointReaderTest::assertValues);
          }
        }
      }
    }
  }

  private static void assertValues(OwnedSlice slice) {
    for (StateKind kind : StateKind.values()) {
      for (long i = 0; i < slice.count(); i++) {
        assertEquals(
            CheckpointFixture.value(slice.spec().name(), kind, slice.from() + i),
            kind.of(slice).getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
    }
  }

  @Test
  void missingNamesAndWrongShapesAreRefused() throws IOException {
    Path step = fixture.save(1, 2);
    try (CheckpointReader reader = CheckpointReader.open(step)) {
      reader.require(ModelParameters.of(CheckpointFixture.MODEL));
      CheckpointException e =
          assertThrows(
              CheckpointException.class,
              () -> reader.require(ModelParameters.of(CheckpointFixture.model(12))));
      assertTrue(
          e.getMessage().contains("[16, 8], the model needs model.embed_tokens.weight[16, 12]"),
          e.getMessage());
      ParameterSpec embedding = ModelParameters.of(CheckpointFixture.MODEL).getFirst();
      ParameterSpec unknown =
          new ParameterSpec(
              "model.unknown.weight",
              new long[] {2},
              embedding.precision(),
              -1,
              -1,
              false,
              embedding.initialiser());
      MemorySegment target = CheckpointFixture.empty(200);
      e =
          assertThrows(
              CheckpointException.class,
              () -> reader.read(unknown, StateKind.WEIGHT, 0, 1, target));
      assertTrue(e.getMessage().contains("has no weight of model.unknown.weight"), e.getMessage());
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> reader.read(embedding, StateKind.WEIGHT, 100, 29, target));
      reader.weights().read(embedding, 100, 28, target);
      assertEquals(
          CheckpointFixture.value(embedding.name(), StateKind.WEIGHT, 127),
          target.getAtIndex(ValueLayout.JAVA_FLOAT, 27));
    }
  }

  @Test
  void exportIsAHuggingFaceFolder() throws IOException {
    Path step = fixture.save(1, 3);
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      Path out = folder.resolve(dtype.name());
      HuggingFaceExport.export(step, out, dtype);
      HfConfig config = HfConfig.read(out.resolve("config.json"));
      assertEquals(CheckpointFixture.MODEL, config.model());
      assertTrue(
          Files.readString(out.resolve("config.json"))
              .contains(dtype == DType.F32 ? "\"float32\"" : "\"bfloat16\""));
      try (HfWeights weights = HfWeights.open(out, config.model())) {
        for (ParameterSpec spec : ModelParameters.of(config.model())) {
          MemorySegment values = CheckpointFixture.empty(spec.elements());
          weights.read(spec, 0, spec.elements(), values);
          for (long i = 0; i < spec.elements(); i++) {
            float exact = CheckpointFixture.value(spec.name(), StateKind.WEIGHT, i);
            float expected =
                dtype == DType.F32 ? exact : BFloat16.toFloat(BFloat16.fromFloat(exact));
            assertEquals(expected, values.getAtIndex(ValueLayout.JAVA_FLOAT, i));
          }
        }
      }
      assertFalse(Files.exists(out.resolve("model.safetensors.part")));
      CheckpointException e =
          assertThrows(CheckpointException.class, () -> HuggingFaceExport.export(step, out, dtype));
      assertTrue(e.getMessage().contains("exists already"), e.getMessage());
    }
  }

  @Test
  void exportKeepsTheSourcesOtherKeys() throws IOException {
    String source = "{\"vocab_size\": 99, \"eos_token_id\": 2, \"torch_dtype\": \"float16\"}";
    Manifest manifest =
        Manifest.of(5, 1, 0, CheckpointFixture.identity(), CheckpointFixture.MODEL, source, "{}");
    Path step = fixture.store(1).commit(manifest.withFiles(fixture.write(5, 1)));
    HuggingFaceExport.export(step, folder.resolve("hf"), DType.F32);
    String config = Files.readString(folder.resolve("hf/config.json"));
    assertTrue(config.contains("\"eos_token_id\" : 2"), config);
    assertTrue(config.contains("\"vocab_size\" : 16"), config);
    assertTrue(config.contains("\"float32\""), config);
  }

  @Test
  void aDamagedCheckpointIsNotExported() throws IOException {
    Path step = fixture.save(1, 1);
    Path file = step.resolve("rank-00000.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 1;
    Files.write(file, bytes);
    Path out = folder.resolve("hf");
    assertThrows(CheckpointException.class, () -> HuggingFaceExport.export(step, out, DType.F32));
    assertFalse(Files.exists(out.resolve("model.safetensors")));
  }
}
