package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.ModelSpec;

/**
 * norm → latents of queries, and of keys and values → q, k, v → attention over the row → output
 * projection onto the residual. Source: DeepSeek-AI, DeepSeek-V2, section 2.1, in the form for
 * training, with a key and a value for each head.
 *
 * <p>The engines know one size of head, so that values are padded with zeros to the keys' size.
 * That changes no other element.
 */
final class LatentAttentionBlock extends Block {
  private final LatentAttention spec;
  private final long heads;
  private final long headDim;
  private final long valueSize;

  LatentAttentionBlock(Ops ops, ModelSpec model, LatentAttention spec, int layer) {
    super(ops, model, layer, ModelPhase.ATTENTION, ModelPhase.ATTENTION_BACKWARD);
    this.spec = spec;
    this.heads = spec.heads().queries();
    this.headDim = spec.heads().size();
    this.valueSize = spec.valueSize();
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    Variable h = ops.rmsNorm(x, names.mixerNorm(), model.normEps());
    Tensor rope = pass.ropeTable(spec.rotation());
    Variable q = queries(h);
    ops.rope(q, rope);

    long rank = spec.keyValueRank();
    long both = rank + spec.rotated();
    Variable down = ops.linear(h, names.keyValueDown(), model.width(), DType.F32, both);
    if (spec.bias()) {
      ops.bias(down, names.keyValueDownBias(), both);
    }
    long tokens = x.value().dim(0);
    Variable rotatedKey = ops.columns(down, rank, spec.rotated(), tokens, 1, spec.rotated());
    ops.rope(rotatedKey, rope);
    Variable latent =
        ops.rmsNorm(
            ops.columns(down, 0, rank, tokens, rank),
            names.keyValueLatentNorm(),
            LatentAttention.NORM_EPS);
    Variable keyValue =
        ops.linear(
            latent, names.keyValueUp(), rank, DType.F32, heads, spec.unrotated() + valueSize);
    Variable k = keys(keyValue, rotatedKey);
    Variable v = values(keyValue);

    double scale = spec.rope().scaling().latentScoreFactor() * spec.heads().scoreScale();
    Variable out = ops.attention(pass.sequence(), q, k, v, spec.mask(), scale, null);
    if (valueSize < headDim) {
      out = ops.columns(out, 0, valueSize, tokens, heads, valueSize);
    }
    ops.carry(x, next);
    ops.addLinear(out, names.attentionOutput(), heads * valueSize, next);
    if (spec.bias()) {
      ops.addBias(names.attentionOutputBias(), next);
    }
  }

  /** [T,H,D]. */
  private Variable queries(Variable h) {
    long rank = spec.queryRank();
    if (rank == 0) {
      return ops.linear(h, names.query(), model.width(), DType.F32, heads, headDim);
    }
    Variable latent = ops.linear(h, names.queryDown(), model.width(), DType.F32, rank);
    if (spec.bias()) {
      ops.bias(latent, names.queryDownBias(), rank);
    }
    Variable normed = ops.rmsNorm(latent, names.queryLatentNorm(), LatentAttention.NORM_EPS);
    return ops.linear(normed, names.query(), rank, DType.F32, heads, headDim);
  }

  /** [T,H,D]: each head's own part, then the rotated part that all heads share. */
  private Variable keys(Variable keyValue, Variable rotatedKey) {
    long tokens = keyValue.dim(0);
    long own = spec.unrotated();
    long shared = spec.rotated();
    Tensor k = ops.tape.save(ops.compute, tokens, heads, headDim);
    ops.kernels.copyColumns(keyValue.value(), 0, k, 0, own, false);
    for (long head = 0; head < heads; head++) {
      ops.kernels.copyColumns(
          rotatedKey.value(), 0, asTokens(k), head * headDim + own, shared, false);
    }
    Variable keys = new Variable("keys", k, DType.F32);
    ops.tape.record(
        () -> {
          Tensor dk = keys.gradient();
          ops.kernels.copyColumns(dk, 0, gradientToAdd(keyValue), 0, own, true);
          Tensor dShared = gradientToAdd(rotatedKey);
          for (long head = 0; head < heads; head++) {
            ops.kernels.copyColumns(asTokens(dk), head * headDim + own, dShared, 0, shared, true);
          }
        });
    return keys;
  }

  /** [T,H,D]: values, then zeros. */
  private Variable values(Variable keyValue) {
    Tensor v = ops.tape.save(ops.compute, keyValue.dim(0), heads, headDim);
    if (valueSize < headDim) {
      ops.kernels.fill(v, 0);
    }
    ops.kernels.copyColumns(keyValue.value(), spec.unrotated(), v, 0, valueSize, false);
    Variable values = new Variable("values", v, DType.F32);
    ops.tape.record(
        () ->
            ops.kernels.copyColumns(
                values.gradient(), 0, gradientToAdd(keyValue), spec.unrotated(), valueSize, true));
    return values;
  }

  private Tensor gradientToAdd(Variable x) {
    return x.gradientToAdd(ops.workspace, ops.kernels);
  }

  private Tensor asTokens(Tensor x) {
    return x.reshape(x.dim(0), heads * headDim);
  }
}
