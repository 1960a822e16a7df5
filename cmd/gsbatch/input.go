package main

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gsbatch/readers"
)

// addInputFlags declares the flags that say how to read an input file, and
// returns what they fill.
func addInputFlags(app *App, cmd *cobra.Command) *readers.Options {
	o := &readers.Options{Stdin: app.stdin}
	fs := cmd.Flags()
	fs.StringVar(&o.Sheet, "sheet", "", "read the sheet `NAME` of a workbook (default: the only visible one with data)")
	fs.IntVar(&o.HeaderRow, "header-row", 0, "the header is in row `N` (default: the first row that is not blank)")
	fs.Var((*delimiter)(&o.Delimiter), "delimiter", "what parts the cells of a CSV file: one character, or tab (default: found out)")
	addEncoding(cmd, fs, o)
	return o
}

// addEncoding declares --encoding, whose default is to find out.
func addEncoding(cmd *cobra.Command, fs *pflag.FlagSet, o *readers.Options) {
	sets := []string{"utf-8", "utf-16le", "utf-16be", "windows-1252"}
	addChoice(cmd, fs, &o.Encoding, "encoding", "", sets, "character set of a CSV or JSONL file (default: found out)")
}

// delimiter is a flag that takes one ASCII character, or its name.
type delimiter rune

func (d *delimiter) String() string {
	switch *d {
	case 0:
		return ""
	case '\t':
		return "tab"
	}
	return string(rune(*d))
}

func (d *delimiter) Type() string { return "CHAR" }

func (d *delimiter) Set(s string) error {
	switch strings.ToLower(s) {
	case "tab", `\t`:
		s = "\t"
	case "comma":
		s = ","
	case "semicolon":
		s = ";"
	case "pipe":
		s = "|"
	}
	if utf8.RuneCountInString(s) != 1 || s[0] >= utf8.RuneSelf || s == "\n" || s == "\r" || s == `"` {
		return &badValue{"not one ASCII character; write ; or tab or |"}
	}
	*d = delimiter(s[0])
	return nil
}

// tellNotices prints what a user should know of how a file was read.
func tellNotices(app *App, table *readers.Table) {
	if app.general.quiet {
		return
	}
	for _, notice := range table.Notices() {
		app.tell("%s: %s\n", oneLine(table.Name()), oneLine(notice))
	}
}
