//===- MakeLedgerEngine.cpp - Writes the ledger model to a file -----------===//

#include "LedgerEngine.h"

#include <cstdio>

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  std::string message = ledger::write(argv[1]);
  std::fputs(message.c_str(), stderr);
  return message.empty() ? 0 : 1;
}
