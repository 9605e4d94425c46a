/** glibc's words for errors and signals, and those of its loader. Facts of their catalogues (Debian 12): the English message, below it its translations. */
export const cLibraryMessages = String.raw`
Exec format error
  Fehler im Format der Programmdatei
  Erreur de format pour exec()
  Formato de ejecutable incorrecto
  Formato eseguibile non valido
  Erro no formato exec
  Verkeerd uitvoerbaar bestand
  Błędny format pliku wykonywalnego
  Ошибка формата выполняемого файла
  実行形式エラー
  可执行文件格式错误
No such file or directory
  Datei oder Verzeichnis nicht gefunden
  Aucun fichier ou dossier de ce type
  No existe el fichero o el directorio
  File o directory non esistente
  Arquivo ou diretório inexistente
  Bestand of map bestaat niet
  Nie ma takiego pliku ani katalogu
  Нет такого файла или каталога
  そのようなファイルやディレクトリはありません
  没有那个文件或目录
  No existe el archivo o el directorio
Illegal instruction
  Ungültiger Maschinenbefehl
  Instruction non permise
  Instrucción ilegal
  Istruzione non consentita
  Instrução ilegal
  Ongeldige instructie
  Błędna instrukcja
  Недопустимая инструкция
  非法指令
Segmentation fault
  Speicherzugriffsfehler
  Erreur de segmentation
  Violación de segmento
  Errore di segmentazione
  Falha de segmentação
  Segmentatiefout
  Naruszenie ochrony pamięci
  Ошибка сегментирования
  段错误
Aborted
  Abgebrochen
  Abandon
  Abortado
  Annullato
  Afgebroken
  Przerwane
  Аварийный останов
  中止
  已放弃
Killed
  Getötet
  Processus arrêté
  Terminado (killed)
  Ucciso
  Morto
  Geëlimineerd
  Unicestwiony
  Убито
  強制終了
  已杀死
Trace/breakpoint trap
  Trace/Breakpoint ausgelöst
  Trappe pour point d'arrêt et de trace
  'trap' para punto de parada/seguimiento
  Rilevato trace/breakpoint
  Traceer/breekpunt-instructie
  Pułapka debuggera/breakpoint
  Ловушка трассировки/останова
  追踪与中断点陷阱
Bus error
  Bus-Zugriffsfehler
  Erreur du bus
  Error del bus
  Errore di bus
  Erro no barramento
  Busfout
  Błąd szyny
  Ошибка шины
  バスエラー
  总线错误
No space left on device
  Auf dem Gerät ist kein Speicherplatz mehr verfügbar
  Aucun espace disponible sur le périphérique
  No queda espacio en el dispositivo
  Spazio esaurito sul device
  Não há espaço disponível no dispositivo
  Geen ruimte meer over op apparaat
  Brak miejsca na urządzeniu
  На устройстве не осталось свободного места
  デバイスに空き領域がありません
  设备上没有空间
Cannot allocate memory
  Nicht genügend Hauptspeicher verfügbar
  Ne peut allouer de la mémoire
  No se pudo asignar memoria
  Impossibile allocare memoria
  Não foi possível alocar memória
  Onvoldoende geheugen beschikbaar
  Nie można przydzielić pamięci
  Невозможно выделить память
  メモリを確保できません
  无法分配内存
Permission denied
  Keine Berechtigung
  Permission non accordée
  Permiso denegado
  Permesso negato
  Permissão negada
  Toegang geweigerd
  Brak dostępu
  Отказано в доступе
  許可がありません
  权限不够
Operation not permitted
  Die Operation ist nicht erlaubt
  Opération non permise
  Operación no permitida
  Operazione non permessa
  Operação não permitida
  Actie is niet toegestaan
  Operacja niedozwolona
  Операция не позволена
  許可されていない操作です
  不允许的操作
Function not implemented
  Die angeforderte Funktion ist nicht implementiert
  Fonction non implantée
  Función no implementada
  Funzione non implementata
  Função não implementada
  Functie is niet aanwezig
  Nie zaimplementowana funkcja
  Функция не реализована
  関数は実装されていません
  函数未实现
error while loading shared libraries
  Fehler beim Laden der Shared Libraries
  erreur lors du chargement des librairies partagées
  error al cargar las bibliotecas compartidas
  errore durante il caricamento delle librerie condivise
  erro ao carregar bibliotecas compartilhadas
  fout bij laden van gedeelde bibliotheken
  błąd podczas wczytywania bibliotek dzielonych
  ошибка при загрузке разделяемых библиотек
  共有ライブラリのロード中にエラーが発生しました
  载入共享库时出错
cannot open shared object file
  Kann die Shared-Object-Datei nicht öffnen
  Ne peut ouvrir le fichier d'objet partagé
  no se puede abrir el fichero del objeto compartido
  impossibile aprire il file oggetto condiviso
  não é possível abrir arquivo compartilhado
  kan gedeeld objectbestand niet openen
  nie można otworzyć pliku obiektu dzielonego
  невозможно открыть разделяемый объектный файл
  共有オブジェクトファイルを開けません
  无法打开共享对象文件
wrong ELF class: ELFCLASS%d
  falsche ELF-Klasse: ELFCLASS%d
  mauvaise classe ELF : ELFCLASS%d
  clase ELF errónea: ELFCLASS%d
  classe ELF errata: ELFCLASS%d
  classe ELF errada: ELFCLASS%d
  verkeerde ELF-klasse: ELFCLASS%d
  niewłaściwa klasa ELF: ELFCLASS%d
  неправильный класс ELF: ELFCLASS%d
  間違った ELF クラスです: ELFCLASS%d
  错误的 ELF 类：ELFCLASS%d
invalid ELF header
  Ungültiger ELF-Header
  en-tête ELF invalide
  cabecera ELF inválida
  intestazione ELF non valida
  cabeçalho de ELF inválido
  ongeldige ELF-header
  nieprawidłowy nagłówek ELF
  неверный заголовок ELF
  無効な ELF ヘッダーです
  无效的 ELF 头
`;
