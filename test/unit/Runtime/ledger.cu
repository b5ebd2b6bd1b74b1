// The "ledger" model of the runtime's tests: its next token is the sum over the context of (position + 1) * token, modulo the
// vocabulary, so that any slip in pages, slots, positions, sequence bounds or row order changes the answer.
extern "C" __global__ void ledger_append(const int *tokens, const int *positions, const int *slots, unsigned short *k, unsigned short *v,
                                         int *place, int count) {
  int t = blockIdx.x * blockDim.x + threadIdx.x;
  if (t >= count)
    return;
  k[slots[t] * 8] = (unsigned short)tokens[t];          // K pages [pages, 1 head, 16 tokens, 8]: element 0 of the row
  v[slots[t] * 8] = (unsigned short)(positions[t] + 1); // V likewise
  place[t] = positions[t] + 1;
}

extern "C" __global__ void ledger_predict(const float *base, const unsigned short *k, const unsigned short *v, const int *place,
                                          const int *starts, const int *contexts, const int *tables, const int *rows, float *logits, int *next,
                                          int sequences, int pages, int count) {
  int r = blockIdx.x * blockDim.x + threadIdx.x;
  if (r >= count)
    return;
  int row = rows[r], b = 0;
  while (b + 1 < sequences && starts[b + 1] <= row)
    ++b;
  int length = contexts[b] - (starts[b + 1] - row) + 1;
  unsigned sum = 0;
  for (int p = 0; p < length; ++p) {
    int slot = tables[b * pages + p / 16] * 16 + p % 16;
    sum += (unsigned)k[slot * 8] * v[slot * 8];
  }
  int token = length == place[row] ? int(sum % 301) : -1;
  for (int i = 0; i < 301; ++i)
    logits[r * 304 + i] = base[i] + (i == token ? 100.0f : 0.0f); // rows are 304 apart: 16-byte aligned
  next[r] = token;
}
