package gsbatch_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// P8 and P9: three sizes of each command, in turn. The time per row is that of
// the rows between two sizes, so that what a command takes to start is left out.
func (b *bench) growth(t *testing.T) {
	sizes := []int{b.rows / 100, b.rows / 10, b.rows}
	for _, command := range []struct {
		name string
		of   func(rows int) contender
	}{
		{"validate", func(rows int) contender { return b.validator(b.file(t, "csv", rows), rows) }},
		{"plan", func(rows int) contender { return b.swept(b.planner(b.file(t, "csv", rows), rows, "")) }},
		{"import", func(rows int) contender { return b.importer(b.file(t, "csv", rows), rows) }},
		{"export to CSV", func(rows int) contender { return b.exporter(rows, "csv") }},
		{"export to XLSX", func(rows int) contender { return b.exporter(rows, "xlsx") }},
	} {
		var contenders []contender
		for _, rows := range sizes {
			contenders = append(contenders, command.of(rows))
		}
		runs := contest(t, 2, contenders[0], contenders[1]) // the small ones more often: they are short
		for i, more := range contest(t, b.rounds, contenders...) {
			if i < len(runs) {
				more = append(more, runs[i]...)
			}
			if i == len(runs) {
				runs = append(runs, nil)
			}
			runs[i] = more
		}
		b.grown(command.name, sizes, runs)
	}
}

// grown adds the lines of a command that was run on three sizes.
func (b *bench) grown(name string, sizes []int, runs [][]sample) {
	var mb, seconds []float64
	for i := range sizes {
		mb, seconds = append(mb, medianOf(runs[i], peak)), append(seconds, medianOf(runs[i], wall))
	}
	allowed := func(from, to int) float64 { return mb[from]*1.2 + 24*float64(sizes[to]-sizes[from])/1e6 }
	flat := mb[1] <= allowed(0, 1) && mb[2] <= allowed(0, 2) && mb[2] < 100
	b.add("P8", fmt.Sprintf("memory of %s at %s, %s, %s rows", name, thousands(sizes[0]), thousands(sizes[1]), thousands(sizes[2])),
		"flat within 20 % and 24 bytes a row; < 100 MB", flat, "%.0f, %.0f, %.0f MB", mb[0], mb[1], mb[2])
	early := (seconds[1] - seconds[0]) / float64(sizes[1]-sizes[0]) * 1e6
	late := (seconds[2] - seconds[1]) / float64(sizes[2]-sizes[1]) * 1e6
	b.add("P9", fmt.Sprintf("time of %s for each row from %s to %s, and from there to %s", name, thousands(sizes[0]), thousands(sizes[1]), thousands(sizes[2])),
		"flat within 10 %", late <= 1.1*early, "%.2f µs, then %.2f µs (%.2f s, %.2f s, %.2f s)", early, late, seconds[0], seconds[1], seconds[2])
}

// swept removes what each run of a contender leaves.
func (b *bench) swept(c contender) contender {
	c.then = func(t *testing.T, _ *sample) { b.sweep(t) }
	return c
}

// exporter is the export of a tenant of so many goals.
func (b *bench) exporter(rows int, format string) contender {
	return b.swept(contender{name: fmt.Sprintf("export %s %d", format, rows), want: fmt.Sprintf("%d goals", rows), cmd: func() *exec.Cmd {
		b.server.reset(rows)
		return b.program("", "export", "goals", "--rate", "0", "-o", filepath.Join(b.dir, "exported."+format))
	}})
}

// P10: the smallest command, and the file that is installed.
func (b *bench) start(t *testing.T) {
	empty := emptyProgram(t, b.dir)
	runs := contest(t, 10*b.rounds, contender{name: "version", want: "gsbatch", cmd: func() *exec.Cmd { return b.program("", "version") }},
		contender{name: "empty program", cmd: func() *exec.Cmd { return exec.Command(empty) }})
	info, err := os.Stat(b.binary)
	if err != nil {
		t.Fatal(err)
	}
	ms, size := 1e3*medianOf(runs[0], wall), float64(info.Size())/1e6
	b.add("P10", "gsbatch version", "< 20 ms", ms < 20, "%.1f ms", ms)
	b.note("P10", "the same / a Go program that does nothing", "%.1f (%.1f ms)", quotient(runs[0], runs[1], wall), 1e3*medianOf(runs[1], wall))
	b.add("P10", "the binary, stripped", "< 30 MB", size < 30, "%.1f MB", size)
}

// emptyProgram builds a program that does nothing: what any takes to start.
func emptyProgram(t *testing.T, dir string) string {
	t.Helper()
	source, program := filepath.Join(dir, "empty.go"), filepath.Join(dir, "empty")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// P11: an export comes back with every twentieth row changed.
func (b *bench) diff(t *testing.T) {
	rows, state := min(b.rows/10, 20_000), filepath.Join(b.dir, "diffed")
	b.server.reset(emulated)
	file, back := filepath.Join(b.dir, "plain.csv"), filepath.Join(b.dir, "back.csv")
	text := []byte("Name,Status,Entity Type,Company,Description\n")
	for i := range rows {
		text = fmt.Appendf(text, "Goal %d of the year,New,COMPANY,IBM,As it was\n", i)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, contender{name: "fill", want: `"run"`, cmd: func() *exec.Cmd {
		return b.program(state, "import", file, "--rate", "0", "--diff", "never", "--json", "--yes")
	}})
	execute(t, contender{name: "export", cmd: func() *exec.Cmd { return b.program(state, "export", "goals", "-o", back, "--rate", "0") }})
	goals, changed := editEach(t, back, "As it was", 20)
	sum := summaryOf(t, execute(t, contender{name: "import back", want: `"run"`, cmd: func() *exec.Cmd {
		return b.program(state, "import", back, "--rate", "0", "--json", "--yes")
	}}))
	pages := goals/1000 + 1
	writes, fetches := sum.Calls.ByEndpoint["goals.update"]+sum.Calls.ByEndpoint["goals.create"], sum.Calls.ByEndpoint["goals.fetch"]
	b.add("P11", fmt.Sprintf("diff of %s goals, %s of them changed", thousands(goals), thousands(changed)), fmt.Sprintf("%d writes, %d pages of 1,000", changed, pages), writes == changed && fetches <= pages,
		"%d writes, %d pages, %d calls in all", writes, fetches, sum.Calls.Total)
	if err := os.RemoveAll(state); err != nil {
		t.Error(err)
	}
}

// editEach changes a text in every n-th row of a table that was exported, and
// tells how many rows it has and how many were changed.
func editEach(t *testing.T, path, text string, n int) (rows, changed int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range all[1:] {
		for at := range row {
			if i%n == 0 && row[at] == text {
				row[at] = "Edited " + strconv.Itoa(i)
				changed++
			}
		}
	}
	var out strings.Builder
	if err := csv.NewWriter(&out).WriteAll(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return len(all) - 1, changed
}
