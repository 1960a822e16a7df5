package gainsight

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordKind is what a word of a filter is.
type wordKind uint8

const (
	wordEnd    wordKind = iota
	wordText            // Name, EQ, 2026-01-31, -12.5
	wordQuoted          // "…" or '…'
	wordSign            // = != > >= < <= <>
	wordOpen
	wordClose
	wordComma
)

// whereWord is a word of a filter with its place.
type whereWord struct {
	kind wordKind
	text string // of a quoted word, what it says
	at   int
}

// is reports whether the word is a keyword, in any case.
func (w whereWord) is(keyword string) bool {
	return w.kind == wordText && strings.EqualFold(w.text, keyword)
}

func (w whereWord) operand() Operand {
	return Operand{Text: w.text, Quoted: w.kind == wordQuoted, At: w.at}
}

// show is the word as a message has it.
func (w whereWord) show() string {
	switch w.kind {
	case wordEnd:
		return "the end"
	case wordQuoted:
		return "the text " + strconv.Quote(w.text)
	}
	return strconv.Quote(w.text)
}

// cut cuts the text into words.
func (p *whereParser) cut() error {
	for at := 0; at < len(p.text); {
		r, size := utf8.DecodeRuneInString(p.text[at:])
		w := whereWord{at: at}
		switch {
		case unicode.IsSpace(r):
			at += size
			continue
		case r == '(' || r == ')' || r == ',':
			w.kind = map[rune]wordKind{'(': wordOpen, ')': wordClose, ',': wordComma}[r]
			w.text = p.text[at : at+1]
		case strings.ContainsRune("=!<>", r):
			w.kind, w.text = wordSign, spanOf(p.text[at:], func(r rune) bool { return strings.ContainsRune("=!<>", r) })
		case r == '"' || r == '\'':
			end, err := p.quoted(at, byte(r), &w)
			if err != nil {
				return err
			}
			p.words = append(p.words, w)
			at = end
			continue
		case bare(r):
			w.kind, w.text = wordText, spanOf(p.text[at:], bare)
		default:
			return p.fail(w, strconv.QuoteRune(r)+" stands outside quotes", "put texts in quotes")
		}
		p.words = append(p.words, w)
		at += len(w.text)
	}
	p.words = append(p.words, whereWord{at: len(p.text)})
	return nil
}

// bare says which characters need no quotes: those of names, numbers, dates
// and times.
func bare(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-+.:/", r)
}

func spanOf(text string, in func(rune) bool) string {
	if i := strings.IndexFunc(text, func(r rune) bool { return !in(r) }); i >= 0 {
		return text[:i]
	}
	return text
}

// quoted reads a text in quotes, in which \ takes the next character as it is.
func (p *whereParser) quoted(at int, quote byte, w *whereWord) (end int, err error) {
	var text strings.Builder
	for i := at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\\' && i+1 < len(p.text):
			i++
			text.WriteByte(p.text[i])
		case c == quote:
			w.kind, w.text = wordQuoted, text.String()
			return i + 1, nil
		default:
			text.WriteByte(c)
		}
	}
	return 0, p.fail(*w, "this text has no closing "+string(rune(quote)), "close it")
}
