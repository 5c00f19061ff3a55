namespace Postern.Dashboard;

static class DiskRoom
{
    /// <summary>Octets that are free on the disk of a directory. Null: the system does not say.</summary>
    public static long? Of(string directory)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
