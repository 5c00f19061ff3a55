using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Postern.Api.Mailgun;

/// <summary>Rows of a CSV file (RFC 4180), read in pieces; UTF-8, with LF or CRLF.</summary>
/// <remarks>A quoted field may hold commas, line ends and doubled quotes. A row that is too long, has too
/// many fields or is not UTF-8 is given as null; reading goes on with the next one.</remarks>
static class CsvReader
{
    const int RowOctetsMax = 16 << 10;
    const int FieldsMax = 32;
    const int PieceOctets = 64 << 10;
    const char ByteOrderMark = '\uFEFF';

    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static async IAsyncEnumerable<IReadOnlyList<string>?> ReadAsync(
        Stream file, [EnumeratorCancellation] CancellationToken cancel)
    {
        var row = new Row();
        var piece = ArrayPool<byte>.Shared.Rent(PieceOctets);
        try
        {
            while (await file.ReadAsync(piece, cancel) is var octets && octets > 0)
            {
                for (var at = 0; at < octets; at++)
                {
                    if (row.Take(piece[at]))
                        yield return row.End();
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
        if (!row.IsEmpty)
            yield return row.End();
    }

    /// <summary>A row while it is read.</summary>
    sealed class Row
    {
        readonly ArrayBufferWriter<byte> field = new(256);
        readonly List<string> fields = [];
        int octets;
        Place place;
        bool isBad;

        public bool IsEmpty => octets == 0;

        /// <returns>The row ends with it.</returns>
        public bool Take(byte octet)
        {
            if (place == Place.BehindQuote)
                place = octet == (byte)'"' ? Place.Doubled : Place.Plain;
            if (octet == (byte)'\n' && place == Place.Plain)
                return true;
            if (++octets > RowOctetsMax)
                // A quote that nobody closed costs this row alone.
                (isBad, place) = (true, Place.Plain);
            else
                Add(octet);
            return false;
        }

        void Add(byte octet)
        {
            switch (place)
            {
                case Place.Quoted when octet == (byte)'"':
                    place = Place.BehindQuote;
                    break;
                case Place.Plain when octet == (byte)'"' && field.WrittenCount == 0:
                    place = Place.Quoted;
                    break;
                case Place.Plain when octet == (byte)',':
                    EndField();
                    break;
                case Place.Doubled:
                    place = Place.Quoted;
                    goto default;
                default:
                    field.Write([octet]);
                    break;
            }
        }

        void EndField()
        {
            if (fields.Count == FieldsMax)
                isBad = true;
            if (!isBad)
                fields.Add(TextOf(field.WrittenSpan));
            field.ResetWrittenCount();
        }

        string TextOf(ReadOnlySpan<byte> text)
        {
            try
            {
                return Strict.GetString(text).Trim(' ', '\t', '\r', ByteOrderMark);
            }
            catch (DecoderFallbackException)
            {
                isBad = true;
                return "";
            }
        }

        public string[]? End()
        {
            EndField();
            string[]? found = isBad ? null : [.. fields];
            fields.Clear();
            (octets, place, isBad) = (0, Place.Plain, false);
            return found;
        }
    }

    enum Place
    {
        Plain,
        Quoted,

        /// <summary>In quotes, behind one: it closes them, or is the first of two.</summary>
        BehindQuote,

        /// <summary>At the second of two.</summary>
        Doubled,
    }
}
