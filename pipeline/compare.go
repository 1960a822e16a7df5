package pipeline

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"gsbatch/gainsight"
)

// unreadable are the keys of a record that a fetch is not known to show.
func unreadable(field string) bool {
	switch field {
	case "AssociatedWork", "metricsAssociation", "metricsDissociation", "StatusName", "GoalTypeName", "TemplateId", "RelationshipTypeId":
		return true
	}
	return false
}

func parentFields() []string { return []string{"CompanyId", "RelationshipId", "OpportunityId"} }

// lookupKeys are the keys of a record that stand for a lookup, not for a field.
func lookupKeys(lookups string) []string {
	var targets map[string]struct {
		Fields map[string]string `json:"fields"`
	}
	if lookups == "" || json.Unmarshal([]byte(lookups), &targets) != nil {
		return nil
	}
	var keys []string
	for _, target := range targets {
		for key := range target.Fields {
			keys = append(keys, key)
		}
	}
	return keys
}

// textOf is the content of a JSON string, the text of anything else, "" of null.
func textOf(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}

// sameValue compares what is sent for a field with what the record has, by
// meaning and not by bytes:
//
//   - blank, null and absent are one, and outer blanks do not count;
//   - numbers are equal as numbers where one of the two is one: 10.0 is 10, but
//     the text 007 is not the text 7;
//   - a date that is sent is equal to a time on that day (UTC);
//   - descriptions are equal where they show the same: entities, the case of
//     tags, line ends, and white space in HTML.
func sameValue(field string, sent, read json.RawMessage) bool {
	a, b := strings.TrimSpace(textOf(sent)), strings.TrimSpace(textOf(read))
	switch {
	case a == b:
		return true
	case a == "" || b == "":
		return false
	case field == "Description":
		return slices.Equal(shown(a), shown(b))
	case sameDay(a, b, isNumber(read)):
		return true
	case isNumber(sent) || isNumber(read):
		return sameNumber(a, b)
	}
	return lineEnds(a) == lineEnds(b)
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9')
}

// sameNumber compares decimals exactly as far as a float tells them apart, and
// digit by digit beyond that.
func sameNumber(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil || x != y {
		return false
	}
	return max(len(a), len(b)) <= 15 || digits(a) == digits(b)
}

// digits are those of a decimal that count; of one with an exponent all of it.
func digits(text string) string {
	if strings.ContainsAny(text, "eE") {
		return text
	}
	text = strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// sameDay says whether sent is a date and read a time on that day.
func sameDay(sent, read string, millis bool) bool {
	if _, err := time.Parse(time.DateOnly, sent); err != nil {
		return false
	}
	if millis {
		ms, err := strconv.ParseInt(read, 10, 64)
		return err == nil && time.UnixMilli(ms).UTC().Format(time.DateOnly) == sent
	}
	rest, found := strings.CutPrefix(read, sent)
	return found && len(rest) > 1 && (rest[0] == 'T' || rest[0] == ' ') && strings.Trim(rest[1:], "0123456789:.,Z+- ") == ""
}

func lineEnds(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// shown are the tags and texts of a description as a browser takes them. White
// space is folded only in a text that has tags: elsewhere a line break may have
// been meant, and inside pre it always is.
func shown(text string) []string {
	text = lineEnds(text)
	tags, pre := strings.Contains(text, "<"), 0
	var parts []string
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return parts
		case html.TextToken:
			part := html.UnescapeString(string(z.Raw()))
			if tags && pre == 0 {
				part = foldSpace(part)
			}
			if part != "" {
				parts = append(parts, part)
			}
		default:
			token := z.Token()
			if token.Data == "pre" && kind == html.StartTagToken {
				pre++
			} else if token.Data == "pre" && kind == html.EndTagToken {
				pre = max(pre-1, 0)
			}
			if kind == html.SelfClosingTagToken {
				token.Type = html.StartTagToken // <br/> is <br>
			}
			parts = append(parts, "\x00"+token.String())
		}
	}
}

// foldSpace makes every run of white space one blank, as HTML shows it. A blank
// that may not break (U+00A0) is none of them.
func foldSpace(text string) string {
	var out strings.Builder
	space := false
	for _, r := range text {
		if r == ' ' || r == '\n' || r == '\t' || r == '\f' {
			space = true
			continue
		}
		if space {
			out.WriteByte(' ')
		}
		space = false
		out.WriteRune(r)
	}
	if space {
		out.WriteByte(' ')
	}
	return out.String()
}

// millis reads a time of a goal in epoch milliseconds.
func millis(g *gainsight.Goal, field string) (int64, bool) {
	text := g.Text(field)
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.UnixMilli(), err == nil
}
