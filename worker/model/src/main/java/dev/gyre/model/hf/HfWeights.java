package dev.gyre.model.hf;

import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.ModelFiles;
import dev.gyre.model.safetensors.TensorInfo;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The weights of a Hugging Face model folder, checked against a model and read box by box. */
public final class HfWeights implements AutoCloseable {
  private static final String NO_HEAD =
      " beside "
          + HfNames.EMBEDDING
          + ", and its config.json does not say tie_word_embeddings: true; set"
          + " model.tie_word_embeddings=true if the model shares them";

  private static final String WAY_OUT =
      "; config.json and weights must be of one model: copy both again, or name another folder";

  private final Path folder;
  private final ModelFiles files;
  private final TensorMap map;

  private HfWeights(Path folder, ModelFiles files, TensorMap map) {
    this.folder = folder;
    this.files = files;
    this.map = map;
  }

  /**
   * @param model the folder's, tied or not, see {@link HfFolder}
   * @throws Invalid if a tensor is missing, has another shape, or is not part of the model
   */
  public static HfWeights open(Path folder, ModelSpec model) throws IOException {
    HfConfig config = HfFolder.config(folder);
    TensorMap map = config.tensors(model);
    ModelFiles files = ModelFiles.open(folder);
    boolean done = false;
    try {
      check(folder, files, map, config, model.head().tied());
      done = true;
      return new HfWeights(folder, files, map);
    } finally {
      if (!done) {
        files.close();
      }
    }
  }

  private static void check(
      Path folder, ModelFiles files, TensorMap map, HfConfig config, boolean tied) {
    Set<String> extra = new HashSet<>(files.names());
    for (FileTensor wanted : map.files()) {
      String name = wanted.name();
      if (!extra.remove(name)) {
        throw new Invalid(
            folder.toString(),
            name.equals(HfNames.HEAD)
                ? "has no tensor " + wanted + NO_HEAD
                : "has no tensor " + wanted + ", which its config needs" + WAY_OUT);
      }
      TensorInfo info = files.holding(name).info(name);
      if (!Arrays.equals(info.shape(), wanted.shape())) {
        throw new Invalid(
            folder.toString(), "holds " + info + ", its config needs " + wanted + WAY_OUT);
      }
      if (!info.isFloat()) {
        throw new Invalid(
            folder.toString(),
            "holds " + info + ", which is none of F32, BF16, F16, F64; convert it to one of them");
      }
    }
    extra.removeIf(name -> (tied && name.equals(HfNames.HEAD)) || config.ignores(name));
    if (!extra.isEmpty()) {
      throw new Invalid(
          folder.toString(),
          "holds "
              + Collections.min(extra)
              + ", which a model of its config does not have"
              + WAY_OUT);
    }
  }

  /**
   * Reads every weight and checks that it is a number. So an incomplete download or a diverged
   * model is found before training starts.
   *
   * @throws Invalid naming the first tensor with other values, its file and their number
   */
  public void requireFinite() {
    List<String> names = map.files().stream().map(FileTensor::name).toList();
    long[] counts =
        names.parallelStream()
            .mapToLong(name -> files.holding(name).countNonFinite(name))
            .toArray();
    long tensors = Arrays.stream(counts).filter(count -> count > 0).count();
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0) {
        String name = names.get(i);
        throw new Invalid(
            folder.toString(),
            "%s of %s holds %s not finite%s; download it again"
                .formatted(
                    name,
                    files.holding(name).file(),
                    counts[i] == 1 ? "1 value that is" : counts[i] + " values that are",
                    tensors == 1 ? "" : "; tensors with such values: %d".formatted(tensors)));
      }
    }
  }

  /**
   * Reads the elements of a box of a tensor.
   *
   * @param to F32 in the box's row-major order, at least 4 bytes for each element
   * @throws IndexOutOfBoundsException if the box is not inside the tensor
   */
  public void read(TensorSpec spec, TensorBox box, MemorySegment to) {
    map.read(spec, box, "", files::holding, to);
  }

  @Override
  public void close() {
    files.close();
  }
}
