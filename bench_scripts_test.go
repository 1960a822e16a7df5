package gsbatch_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// script is a peer that make bench-peers installs: what has to be there, how it
// is run, and what it prints once it has seen all rows.
type script struct {
	name, needs string
	command     []string
	prints      func(rows int) string
}

func (b *bench) scripts() []script {
	modules, here := filepath.Join(b.peers, "node_modules"), filepath.Join("testdata", "bench")
	node := func(name string) []string { return []string{"node", filepath.Join(here, name+".mjs")} }
	count := func(rows int) string { return fmt.Sprintf("%d rows", rows) }
	last := func(rows int) string { return benchRow(rows, nil)[0] }
	return []script{
		{"undici", filepath.Join(modules, "undici"), node("undici"), count},
		{"DuckDB", filepath.Join(modules, "@duckdb", "node-api"), node("duckdb"), count},
		{"SheetJS", filepath.Join(modules, "xlsx"), node("sheetjs"), count},
		{"xlsx2csv", "/usr/bin/xlsx2csv", []string{"xlsx2csv"}, last},
		{"Miller", "/usr/bin/mlr", []string{"mlr", "--icsv", "put", "-q", "-f", filepath.Join(here, "checks.mlr")}, count},
	}
}

// scripted are those of the named peers that are installed, as contenders
// that are given the file and what follows it.
func (b *bench) scripted(t *testing.T, rows int, names []string, args ...string) (list []contender) {
	t.Helper()
	if b.peers == "" {
		return nil
	}
	for _, s := range b.scripts() {
		if !slices.Contains(names, s.name) {
			continue
		}
		if _, err := os.Stat(s.needs); err != nil {
			t.Logf("%s is not installed: %v", s.name, err)
			continue
		}
		list = append(list, contender{name: s.name, want: s.prints(rows), cmd: func() *exec.Cmd {
			cmd := exec.Command(s.command[0], slices.Concat(s.command[1:], args)...)
			cmd.Env = append(os.Environ(), "GSBATCH_BENCH_PEERS="+b.peers)
			return cmd
		}})
	}
	return list
}
