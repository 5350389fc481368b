package raftkv

import "fmt"

// logger is a raft.Logger that hands lines to trace, or nowhere where that is nil. What raft calls fatal ends the program.
type logger struct{ trace func(string) }

func (l logger) print(v ...any) {
	if l.trace != nil {
		l.trace(fmt.Sprint(v...))
	}
}

func (l logger) printf(format string, v ...any) {
	if l.trace != nil {
		l.trace(fmt.Sprintf(format, v...))
	}
}

func (l logger) Debug(...any)          {}
func (l logger) Debugf(string, ...any) {}

func (l logger) Info(v ...any)                    { l.print(v...) }
func (l logger) Infof(format string, v ...any)    { l.printf(format, v...) }
func (l logger) Warning(v ...any)                 { l.print(v...) }
func (l logger) Warningf(format string, v ...any) { l.printf(format, v...) }
func (l logger) Error(v ...any)                   { l.print(v...) }
func (l logger) Errorf(format string, v ...any)   { l.printf(format, v...) }

func (l logger) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l logger) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (l logger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l logger) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
