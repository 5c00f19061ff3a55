using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Postern.Mta.Events;

/// <summary>The trace that a message belongs to, as it is kept with it: attempts days later, and what a
/// provider tells, are spans of it.</summary>
/// <param name="Id">W3C's trace id.</param>
/// <param name="Parent">The span of its submission, or of the report that it is: all that comes later is
/// under it.</param>
/// <param name="State">W3C's tracestate as it came with the submission. Null: none.</param>
public sealed record MailTrace(ActivityTraceId Id, ActivitySpanId Parent, string? State)
{
    /// <summary>W3C Trace Context, version 00 of traceparent.</summary>
    public const int ParentCharacters = 55;

    /// <summary>W3C Trace Context: what should be passed on at least, and here at most.</summary>
    public const int StateCharactersMax = 512;

    const int IdOctets = 16;
    const int IdsOctets = IdOctets + 8;

    /// <summary>What a later span of the message has for its parent. Of a trace that nobody records nothing
    /// is kept.</summary>
    public ActivityContext Context => new(Id, Parent, ActivityTraceFlags.Recorded, State, isRemote: true);

    public static MailTrace Of(Activity span) =>
        new(span.TraceId, span.SpanId, IsState(span.TraceStateString) ? span.TraceStateString : null);

    /// <summary>Reads what a submitter sent. False: it is malformed, and counts for nothing.</summary>
    /// <param name="state">Left out where it is too long or not printable.</param>
    public static bool TryParseParent(string? parent, string? state, out ActivityContext context)
    {
        context = default;
        return parent is { Length: ParentCharacters } && parent[2] == '-' && parent[35] == '-'
            && parent[52] == '-'
            && ActivityContext.TryParse(parent, IsState(state) ? state : null, isRemote: true, out context);
    }

    static bool IsState([NotNullWhen(true)] string? state) =>
        state is { Length: > 0 and <= StateCharactersMax }
        && !state.AsSpan().ContainsAnyExceptInRange(' ', '~');

    /// <summary>As it is stored: the two ids, then the state.</summary>
    public byte[] ToOctets()
    {
        var octets = new byte[IdsOctets + (State?.Length ?? 0)];
        Id.CopyTo(octets.AsSpan(0, IdOctets));
        Parent.CopyTo(octets.AsSpan(IdOctets, IdsOctets - IdOctets));
        Encoding.ASCII.GetBytes(State ?? "", octets.AsSpan(IdsOctets));
        return octets;
    }

    public static bool TryParse(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out MailTrace? trace)
    {
        trace = null;
        if (octets.Length is < IdsOctets or > IdsOctets + StateCharactersMax)
            return false;
        var state = Encoding.ASCII.GetString(octets[IdsOctets..]);
        trace = new MailTrace(
            ActivityTraceId.CreateFromBytes(octets[..IdOctets]),
            ActivitySpanId.CreateFromBytes(octets[IdOctets..IdsOctets]), state.Length == 0 ? null : state);
        return true;
    }
}

/// <summary>Where the span of a submission begins.</summary>
/// <param name="At">MAIL, or the request.</param>
/// <param name="Parent">The submitter's own span. Default: none was sent.</param>
public readonly record struct SubmissionStart(DateTimeOffset At, ActivityContext Parent);
