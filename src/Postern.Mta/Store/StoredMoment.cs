using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Postern.Mta.Store;

/// <summary>An object that is a moment: its ticks of UTC, a JSON number.</summary>
static class StoredMoment
{
    public static ReadOnlyMemory<byte> Write(DateTimeOffset moment) =>
        Encoding.ASCII.GetBytes(moment.UtcTicks.ToString(CultureInfo.InvariantCulture));

    /// <summary>Null: it is damaged, or something else.</summary>
    public static DateTimeOffset? Read(StoredObject stored) =>
        Utf8Parser.TryParse(stored.Json.Span, out long ticks, out var length) && length == stored.Json.Length
        && ticks >= 0 && ticks <= DateTimeOffset.MaxValue.Ticks
            ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;
}
