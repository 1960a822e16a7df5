package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gsbatch/checkpoint"
)

// rowJSON is runs show --row.
type rowJSON struct {
	Run      string               `json:"run"`
	Line     int                  `json:"line"`
	Status   checkpoint.Status    `json:"status"`
	Action   string               `json:"action"`
	Gsid     string               `json:"gsid"`
	Reason   string               `json:"reason"`
	Cells    map[string]string    `json:"cells"`
	Payload  json.RawMessage      `json:"payload"`
	Lookups  json.RawMessage      `json:"lookups"`
	Before   *beforeJSON          `json:"before"` // null: what the goal was was not read
	Hash     string               `json:"payload_hash"`
	Problems []checkpoint.Problem `json:"problems"`
	Events   []eventJSON          `json:"events"`
}

// beforeJSON is what a goal was before its row was sent.
type beforeJSON struct {
	Modified   string          `json:"modified"`
	ModifiedBy string          `json:"modified_by"`
	Goal       json.RawMessage `json:"goal"`
}

type eventJSON struct {
	Event     string            `json:"event"` // intent, outcome
	Attempt   int               `json:"attempt"`
	At        string            `json:"at"`
	Server    string            `json:"server_time"`
	Status    checkpoint.Status `json:"status,omitempty"`
	HTTP      int               `json:"http_status,omitempty"`
	Gsid      string            `json:"gsid,omitempty"`
	Code      string            `json:"code,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Parents   string            `json:"parents,omitempty"`
	Reason    string            `json:"reason,omitempty"`
}

func runRunsRow(app *App, name string, line int) (err error) {
	run, _, err := viewRun(app, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	h, err := run.History(app.hard, line)
	if err != nil {
		return err
	}
	row := historyJSON(run.Info(), h)
	if app.general.json {
		return app.emit(row)
	}
	return tellRow(app, run.Info(), row)
}

func historyJSON(info checkpoint.Info, h checkpoint.History) rowJSON {
	row := rowJSON{Run: info.ID, Line: h.Line.Line, Status: h.Line.Fate.Status, Action: h.Line.Action, Gsid: h.Line.Fate.Gsid,
		Reason: h.Line.Fate.Reason, Cells: map[string]string{}, Problems: h.Problems, Events: []eventJSON{}}
	for i, cell := range h.Line.Cells {
		if i < len(info.Header) {
			row.Cells[info.Header[i]] = cell.Text
		}
	}
	if h.Op != nil {
		row.Payload, row.Hash = json.RawMessage(h.Op.Item), fmt.Sprintf("%x", h.Op.Hash)
		if h.Op.Lookups != "" {
			row.Lookups = json.RawMessage(h.Op.Lookups)
		}
	}
	if h.Before != nil {
		row.Before = &beforeJSON{utcMillis(h.Before.Modified), h.Before.ModifiedBy, json.RawMessage(h.Before.Doc)}
	}
	for _, e := range h.Events {
		event := eventJSON{Event: "outcome", Attempt: e.Attempt, At: utcMillis(e.At), Server: utcMillis(e.Server), Status: e.Status,
			HTTP: e.HTTP, Gsid: e.Gsid, Code: e.Code, RequestID: e.RequestID, Parents: e.Parents, Reason: e.Reason}
		if e.Kind == checkpoint.Intent {
			event.Event = "intent"
		}
		row.Events = append(row.Events, event)
	}
	return row
}

func utcMillis(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
}

func tellRow(app *App, info checkpoint.Info, row rowJSON) error {
	t := newTable([]string{"row", strconv.Itoa(row.Line)})
	t.add("run", row.Run)
	for i, name := range info.Header {
		if text := row.Cells[name]; text != "" && i < len(info.Header) {
			t.add("  "+name, text)
		}
	}
	t.add("status", strings.TrimSpace(string(row.Status)+" "+row.Gsid))
	if row.Reason != "" {
		t.add("reason", row.Reason)
	}
	if len(row.Payload) > 0 {
		t.add("action", row.Action)
		t.add("payload", string(row.Payload))
		t.add("lookups", string(row.Lookups))
		t.add("payload hash", row.Hash)
	}
	if row.Before != nil {
		t.add("before", string(row.Before.Goal))
		t.add("modified", strings.TrimSpace(row.Before.Modified+" "+row.Before.ModifiedBy))
	}
	for _, p := range row.Problems {
		t.add("problem", p.Place+": "+p.Message+"; "+p.Mend)
	}
	for _, e := range row.Events {
		t.add(fmt.Sprintf("%s %d", e.Event, e.Attempt), eventText(e))
	}
	return t.write(app.stdout)
}

func eventText(e eventJSON) string {
	text := e.At
	for _, part := range []struct{ name, value string }{
		{"", string(e.Status)}, {"", e.Gsid}, {"HTTP", zeroless(e.HTTP)}, {"code", e.Code}, {"request", e.RequestID},
		{"server time", e.Server}, {"", e.Parents}, {"", e.Reason},
	} {
		if part.value != "" {
			text += strings.TrimRight("  "+part.name, " ") + " " + part.value
		}
	}
	return text
}

func zeroless(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
